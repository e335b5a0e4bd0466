"""Generators in exchange formats."""

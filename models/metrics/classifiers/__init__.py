"""Classifiers by what they look at, one in each file."""

"""Sweeps: points of axes, how each is run, and what came of them."""

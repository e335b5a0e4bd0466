"""Showers on disk, and the batches that a training makes of them."""

"""Families that learn vectors: showers and tables look the same to them."""

"""Validation of whole campaigns: histograms of all events, in memory that does not grow with them."""

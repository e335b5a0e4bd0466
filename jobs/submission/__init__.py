"""Verbs as jobs of a Ray cluster: what is shipped, how it is asked for, and what runs there."""

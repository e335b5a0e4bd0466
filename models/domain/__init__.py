"""The training domain: ranges of the conditions, and gaps inside them."""

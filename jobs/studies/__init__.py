"""`monsoon study NAME`: what a generated sample is worth, and what error a model puts on a result."""

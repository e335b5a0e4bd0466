"""The training loop and its parts. They do not use ray, and print nothing."""

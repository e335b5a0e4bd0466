"""Generators that carry noise to data along a path: flow matching, diffusion, students of either."""

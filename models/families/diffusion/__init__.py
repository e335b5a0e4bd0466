"""Generators that carry noise to data along a path: flow matching, denoising diffusion, students of either."""

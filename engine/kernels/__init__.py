"""Kernels of events: numpy, torch, numba and nothing else.

Each operation is a folder: `reference.py` is the truth in plain torch, `cpu.py` the same function in numba.
Both take and return torch tensors on the CPU and agree bit for bit on any input.
"""

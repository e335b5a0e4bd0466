"""Kernels: numpy, torch, numba, triton and nothing else. `reference.py` is the truth, `cpu.py` equals it."""

"""Kernels of generators: numpy, torch, numba and nothing else.

Each operation is a folder: `reference.py` is the truth in plain torch, `cpu.py` the same function in numba.
They agree to the rounding of float32; the folder's `__init__.py` says what is computed.
"""

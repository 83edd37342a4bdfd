"""Kernels in plain Python, compiled by Numba."""

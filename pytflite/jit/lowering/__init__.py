"""Lowerings: from an operator of a plan to kernels with their parameters."""

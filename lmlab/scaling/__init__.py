"""Scaling laws, their fits and figures, and compute plans: pure functions on numpy arrays."""

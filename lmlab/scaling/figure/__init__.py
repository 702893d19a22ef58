"""Figures of scaling laws, as matplotlib figures that need no display."""

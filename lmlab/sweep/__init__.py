"""Sweeps: a grid of jobs under one parent run, each a process, started again where it stopped."""

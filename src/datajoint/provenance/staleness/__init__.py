"""Staleness: comparison of recorded reads and code with the present."""

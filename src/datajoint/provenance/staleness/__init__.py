"""Staleness: recorded reads and code, compared with today's."""

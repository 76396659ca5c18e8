"""Diagrams: what tables there are and how they hang together."""

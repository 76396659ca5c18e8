"""The graph of foreign keys."""

"""Rows on their way into a table: sources, checks, encoding, collected writes."""

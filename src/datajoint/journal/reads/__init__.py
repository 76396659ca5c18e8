"""Reads of a make: shapes, signatures, recording."""

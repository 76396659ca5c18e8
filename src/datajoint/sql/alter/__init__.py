"""Statements that change tables in place, by database."""

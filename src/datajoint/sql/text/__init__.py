"""Conditions and functions, written for a database."""

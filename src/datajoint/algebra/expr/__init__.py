"""Expressions, functions and types of conditions."""

"""Definitions: from their text to the specification of a table, and back."""

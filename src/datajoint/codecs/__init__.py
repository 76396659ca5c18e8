"""Codecs: how values of a Python type become values of a core type, and back."""

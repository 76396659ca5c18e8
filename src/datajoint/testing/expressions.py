"""The meaning that every database must give an expression: `datajoint.algebra.evaluate`, as tests use it."""

from datajoint.algebra.evaluate import aggregate, evaluate

__all__ = ["aggregate", "evaluate"]

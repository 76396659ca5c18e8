"""The graph of foreign keys."""

# Its modules, which wait for their use.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["dependencies", "named", "paths", "restrict"]

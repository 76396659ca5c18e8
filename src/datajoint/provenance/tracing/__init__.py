"""Origin and staleness of single rows, as text, as a tree and as data."""

# Its modules, which wait for their use.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["changes", "codediff", "lineage", "reading", "tree", "why", "writers"]

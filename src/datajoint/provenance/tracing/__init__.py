"""Where single rows come from and why they do not hold any more, in words, as a tree and as data."""

# Its modules, which wait for their use.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["changes", "codediff", "lineage", "reading", "tree", "why", "writers"]

"""Where rows come from, and whether they still hold."""

# Its modules, which wait for their use.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["compare", "events", "export", "history", "stale", "staleness", "traceable"]

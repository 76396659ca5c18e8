"""Origin and validity of rows."""

# Its modules, which wait for their use.
# pyright: reportUnsupportedDunderAll=false
__all__ = [
    "classes", "compare", "counts", "events", "export", "history", "inputs", "report", "retention", "stale",
    "staleness", "traceable", "tracing",
]  # fmt: skip

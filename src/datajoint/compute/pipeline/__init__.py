"""Whole pipelines: all computed tables of some schemas, in dependency order."""

# Its modules, which wait for their use.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["lanes", "ready", "restricting", "result", "run", "status", "stream", "targets"]

"""What every write leaves behind."""

# Its modules, which wait for their use.
# pyright: reportUnsupportedDunderAll=false
__all__ = [
    "change",
    "code",
    "code_version",
    "digest",
    "environment",
    "event",
    "images",
    "origin",
    "read",
    "reads",
    "scope",
    "shapes",
    "signature",
    "system",
]

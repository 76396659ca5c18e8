"""The pipeline attached to its database, for the command line: `dj status attached`, `dj worker attached`."""

import os

from database import connect
from pipeline import Detection, DetectionParams, Image, Scan, schema

__all__ = ["Detection", "DetectionParams", "Image", "Scan", "schema"]

connect(os.environ.get("BACKEND") or "sqlite")

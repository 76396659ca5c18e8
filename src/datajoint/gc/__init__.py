"""Garbage collection: deletes objects of a store that no row refers to."""

from __future__ import annotations

from datajoint.gc.collector import GarbageCollector, collect, scan

__all__ = ["GarbageCollector", "collect", "scan"]

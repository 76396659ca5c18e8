"""Object stores: where values lie that are too large for tables."""

from __future__ import annotations

from datajoint.storage.adapter import StorageAdapter, get_storage_adapter
from datajoint.storage.backend import StorageBackend, get_storage_backend
from datajoint.storage.store import Store, open_store

__all__ = [
    "StorageAdapter",
    "StorageBackend",
    "Store",
    "get_storage_adapter",
    "get_storage_backend",
    "open_store",
]

"""Import path of protocols of object stores."""

from datajoint.storage.adapter import StorageAdapter, get_storage_adapter

"""Import path of protocols of object stores."""

from datajoint.codecs.pending import StorageAdapter, refuse as get_storage_adapter

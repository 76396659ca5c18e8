"""Import path of object stores."""

from datajoint.codecs.pending import StorageBackend, refuse as get_storage_backend

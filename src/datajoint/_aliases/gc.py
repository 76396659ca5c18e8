"""Import path of the deletion of objects without a row, which needs object stores."""

from datajoint.codecs.pending import GarbageCollector, refuse as collect, refuse as scan

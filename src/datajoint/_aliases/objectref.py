"""Import path of handles of objects in stores."""

from datajoint.codecs.pending import NpyRef, ObjectRef

"""Import path of handles of objects in stores."""

from datajoint.codecs.npy_ref import NpyRef
from datajoint.codecs.object_ref import ObjectRef
from datajoint.errors import ObjectMismatchError as IntegrityError

"""Import path of objects that are named by their content."""

from datajoint.codecs.contents import compute_hash, delete_path, get_hash, put_hash

"""Older import path of the digests of keys and files."""

from datajoint.codecs.file_digest import uuid_from_file
from datajoint.heading.keys import key_hash

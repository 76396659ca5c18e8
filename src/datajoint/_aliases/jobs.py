"""Older import path of the digest of a key."""

from datajoint.heading.keys import key_hash

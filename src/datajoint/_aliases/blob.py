"""Older import path of blobs."""

from datajoint.codecs.blob import MatCell, MatStruct, pack, unpack

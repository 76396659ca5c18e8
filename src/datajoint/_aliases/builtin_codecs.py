"""Older import path of the codecs of the package."""

from datajoint.codecs.base import Codec
from datajoint.codecs.registry import get_codec, list_codecs
from datajoint.codecs.schema_codec import SchemaCodec

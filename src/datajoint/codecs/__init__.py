"""Codecs: how values of a Python type become values of a core type, and back."""

from __future__ import annotations

from datajoint.codecs.base import Codec
from datajoint.codecs.chain import CodecChain, resolve
from datajoint.codecs.context import CodecContext
from datajoint.codecs.registry import get_codec, list_codecs

__all__ = ["Codec", "CodecChain", "CodecContext", "get_codec", "list_codecs", "resolve"]

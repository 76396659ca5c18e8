"""Names for object stores, which come with a later release: they can be imported, and refuse to be used."""

from __future__ import annotations

from typing import Any, NoReturn

from datajoint.codecs.base import Codec
from datajoint.errors import CodecError, DataJointError

__all__ = [
    "AttributeAdapter",
    "NpyRef",
    "ObjectRef",
    "SchemaCodec",
    "StagedInsert",
    "refuse",
]


def refuse(*arguments: Any, **options: Any) -> NoReturn:
    """Refuse what needs an object store.

    Examples
    --------
    >>> refuse()
    Traceback (most recent call last):
    ...
    datajoint.errors.DataJointError: This needs an object store, which this release does not support.
    Store values in the table, as <blob> or <attach>.
    """
    raise DataJointError(
        "This needs an object store, which this release does not support.",
        hint="Store values in the table, as <blob> or <attach>.",
    )


class _InStores:
    """Base of what works on object stores."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        raise DataJointError(
            f"{type(self).__name__} needs an object store, which this release does not support.",
            hint="Store values in the table, as <blob> or <attach>.",
        )


class ObjectRef(_InStores):
    """Handle of an object in a store."""


class NpyRef(_InStores):
    """Handle of an array in a store."""


class StagedInsert(_InStores):
    """Writes objects right into a store, then their row."""


class SchemaCodec(Codec, register=False):
    """Base of codecs whose values lie in a store by schema and table; it can be derived from, not used."""

    def encode(self, value: Any, *args: Any, **options: Any) -> NoReturn:
        """Refuse: there is no store."""
        refuse()

    def decode(self, stored: Any, *args: Any, **options: Any) -> NoReturn:
        """Refuse: there is no store."""
        refuse()


class AttributeAdapter:
    """Base of the adapters of releases before 2.0; it can be derived from, not used: codecs do that now."""

    def __init__(self) -> None:
        raise CodecError(
            f"{type(self).__name__} is an adapter of releases before 2.0.",
            hint="Derive from dj.Codec: encode() in place of put(), decode() in place of get(), and "
            "get_dtype() in place of attribute_type.",
        )

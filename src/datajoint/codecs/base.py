"""The contract of a codec, and the one place where codecs are known by name."""

from __future__ import annotations

import re
import sys
from typing import Any

from datajoint._registry import Registry
from datajoint.errors import CodecError

__all__ = ["CODECS", "Codec"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Codec:
    """How values of one Python type are stored; a subclass is known as ``<name>`` in definitions at once.

    A subclass gives `name` and the methods `get_dtype`, `encode` and `decode`. Besides the value,
    `encode` and `decode` receive those of the keyword arguments ``key``, ``context`` and (`encode`
    only) ``store_name`` that they declare. An abstract base is made with ``register=False``.

    Attributes
    ----------
    name : str or None
        What stands between ``<`` and ``>``: lower-case letters, digits and underscores, a letter first.
    pure : bool
        Whether this very class depends on nothing but the value, so that large ones may be encoded and
        decoded by several threads.
    concurrent : bool
        Whether this very class mostly waits for a disk or a network, so that several values may be under
        way together.

    Examples
    --------
    >>> class Angle(Codec):
    ...     name = "angle_of_the_example"
    ...
    ...     def get_dtype(self, is_store):
    ...         return "float64"
    ...
    ...     def encode(self, value):
    ...         return value.degrees
    ...
    ...     def decode(self, stored):
    ...         return stored
    >>> "angle_of_the_example" in CODECS.names()
    True
    """

    name: str | None = None
    pure: bool = False
    concurrent: bool = False

    def __init_subclass__(cls, *, register: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if register and cls.name is not None:
            _register(cls, cls.name)

    def get_dtype(self, is_store: bool) -> str:
        """Return the type that stores an encoded value: a core type, or another codec as ``<name>``.

        Parameters
        ----------
        is_store
            Whether the attribute is declared with a store (``<name@>`` or ``<name@store>``).

        Examples
        --------
        >>> from datajoint.codecs import get_codec
        >>> get_codec("blob").get_dtype(is_store=False)
        'bytes'
        """
        raise NotImplementedError(f"{type(self).__qualname__}.get_dtype is missing.")

    def encode(self, value: Any, *args: Any, **options: Any) -> Any:
        r"""Return what is stored for `value`; may declare ``key``, ``context``, ``store_name``.

        Parameters
        ----------
        value
            What the user gives to insert; never None.
        *args, **options
            A subclass names what it needs. ``key``: the primary key of the row, as far as it is known,
            with ``_schema``, ``_table``, ``_field`` and ``_config``; ``context``: a `CodecContext`;
            ``store_name``: the store, ``""`` for the default one.

        Examples
        --------
        >>> from datajoint.codecs import get_codec
        >>> get_codec("blob").encode(True)
        b'dj0\x00\x0b\x01'
        """
        raise NotImplementedError(f"{type(self).__qualname__}.encode is missing.")

    def decode(self, stored: Any, *args: Any, **options: Any) -> Any:
        r"""Return the value for what is stored; may declare ``key`` and ``context``.

        Examples
        --------
        >>> from datajoint.codecs import get_codec
        >>> get_codec("blob").decode(b"dj0\0\x0b\x01")
        True
        """
        raise NotImplementedError(f"{type(self).__qualname__}.decode is missing.")

    def validate(self, value: Any) -> None:
        """Raise TypeError or ValueError if `value` cannot be encoded; called before `encode`.

        Examples
        --------
        >>> from datajoint.codecs import get_codec
        >>> get_codec("blob").validate({"anything": 1})
        """

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__}(name={self.name!r})>"


def _accepted(name: str, loaded: Any) -> tuple[str, Codec]:
    """Take what an entry point gives: a codec class, registered when it was made, or a codec."""
    if isinstance(loaded, type) and issubclass(loaded, Codec):
        loaded = CODECS.registered(loaded.name or name) or loaded()
    if not isinstance(loaded, Codec):
        raise TypeError(f"{loaded!r} is no subclass of datajoint.Codec")
    return loaded.name or name, loaded


# imported when first asked for: most programs never need most of them
_OWN = {
    "attach": "datajoint.codecs.builtin.attach:AttachCodec",
    "blob": "datajoint.codecs.builtin.blob:BlobCodec",
    "filepath": "datajoint.codecs.builtin.filepath:FilepathCodec",
    "hash": "datajoint.codecs.builtin.hash:HashCodec",
    "npy": "datajoint.codecs.builtin.npy:NpyCodec",
    "object": "datajoint.codecs.builtin.object:ObjectCodec",
}

CODECS: Registry[Codec] = Registry("datajoint.codecs", "datajoint.types", own=_OWN, accept=_accepted)


def _register(cls: type[Codec], name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CodecError(
            f"{cls.__qualname__} cannot be a codec called {name!r}.",
            hint="A name consists of lower-case letters, digits and underscores and begins with a letter.",
        )
    known = CODECS.registered(name)
    if known is not None and not _is_redefinition(type(known), cls):
        raise CodecError(
            f"Codec <{name}> is already registered by {type(known).__module__}.{type(known).__qualname__}.",
            hint="Choose another name, or pass register=False for an abstract base class.",
        )
    CODECS.register(name, cls())


def _is_redefinition(known: type, new: type) -> bool:
    """Tell whether a cell of a notebook was run again or a module loaded again: it still holds `known`."""
    same = (known.__module__, known.__qualname__) == (new.__module__, new.__qualname__)
    return same and getattr(sys.modules.get(known.__module__), known.__qualname__, None) is known

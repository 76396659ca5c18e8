"""From the codec of an attribute to a core type: ``<a>`` → ``<b>`` → ``bytes``, resolved once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from datajoint._value import Value
from datajoint.codecs.base import Codec
from datajoint.codecs.context import CodecContext
from datajoint.codecs.registry import get_codec
from datajoint.errors import CodecError, UnknownTypeError
from datajoint.heading.types import AttributeType, parse_type

__all__ = ["CodecChain", "resolve"]

_OPTIONS = ("key", "context", "store_name")
_TAKES_ANY = 0x08  # flag of a function with **options


class _Link(Value):
    """One codec of a chain, and which optional arguments its methods declare."""

    codec: Codec
    store: str | None
    validates: bool
    encode_options: frozenset[str]
    decode_options: frozenset[str]

    def encode(self, value: Any, key: Mapping[str, Any] | None, context: CodecContext) -> Any:
        """Check and encode a value."""
        codec = self.codec
        if self.validates:
            codec.validate(value)
        if not self.encode_options:
            return codec.encode(value)
        return codec.encode(value, **self._given(self.encode_options, key, context))

    def decode(self, stored: Any, key: Mapping[str, Any] | None, context: CodecContext) -> Any:
        """Decode what is stored."""
        if not self.decode_options:
            return self.codec.decode(stored)
        return self.codec.decode(stored, **self._given(self.decode_options, key, context))

    def _given(
        self, options: frozenset[str], key: Mapping[str, Any] | None, context: CodecContext
    ) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if "key" in options:
            given["key"] = context.with_key(key)
        if "context" in options:
            given["context"] = context
        if "store_name" in options:
            given["store_name"] = self.store
        return given


class CodecChain(Value):
    """The codecs that lie between a value and the core type that stores it, outermost first.

    Attributes
    ----------
    name
        Name of the codec of the attribute.
    store
        Name of its store: None is in the table, ``""`` is the default store.
    links
        The codecs, outermost first.
    storage
        Core type of the column, as in ``bytes`` or ``json``.

    Examples
    --------
    >>> chain = resolve("blob", None)
    >>> chain.storage, chain.decode(chain.encode({"a": 1}))
    ('bytes', {'a': 1})
    """

    name: str
    store: str | None
    links: tuple[_Link, ...]
    storage: str

    def validate(self, value: Any) -> None:
        """Let the codec of the attribute check a value, as insert does before it encodes.

        Examples
        --------
        >>> resolve("blob", None).validate(1)
        """
        self.links[0].codec.validate(value)

    def encode(
        self, value: Any, *, key: Mapping[str, Any] | None = None, context: CodecContext | None = None
    ) -> Any:
        r"""Return what is stored for a value other than None.

        Examples
        --------
        >>> resolve("blob", None).encode(None)
        b'dj0\x00\xff'
        """
        context = context or _NOWHERE
        for link in self.links:
            value = link.encode(value, key, context)
        return value

    def decode(
        self, stored: Any, *, key: Mapping[str, Any] | None = None, context: CodecContext | None = None
    ) -> Any:
        r"""Return the value for what is stored.

        Examples
        --------
        >>> resolve("blob", None).decode(b"dj0\0\x0b\0")
        False
        """
        context = context or _NOWHERE
        for link in reversed(self.links):
            stored = link.decode(stored, key, context)
        return stored

    def narrow(self) -> CodecChain:
        """Return the chain that reads its blobs as those of the 32-bit MATLAB library.

        Examples
        --------
        >>> [type(link.codec).__name__ for link in resolve("blob", None).narrow().links]
        ['NarrowBlobCodec']
        """
        links = [
            _link(narrow(), link.store) if (narrow := getattr(link.codec, "narrow", None)) else link
            for link in self.links
        ]
        return CodecChain(self.name, self.store, tuple(links), self.storage)

    @property
    def plain_decode(self) -> Callable[[Any], Any] | None:
        r"""A function of the stored value alone, where neither key nor context is wanted; for whole columns.

        Examples
        --------
        >>> resolve("blob", None).plain_decode(b"dj0\0\x0b\x01")
        True
        """
        if any(link.decode_options for link in self.links):
            return None
        if len(self.links) == 1:
            return self.links[0].codec.decode
        return self.decode

    @property
    def pure(self) -> bool:
        """Whether a value is encoded and decoded without regard to anything else.

        Examples
        --------
        >>> resolve("blob", None).pure, resolve("attach", None).pure
        (True, False)
        """
        return all(_has(link.codec, "pure") for link in self.links)

    @property
    def concurrent(self) -> bool:
        """Whether the codecs are pure or wait, one of them at least, so that values may overlap.

        Examples
        --------
        >>> resolve("blob", "").concurrent, resolve("blob", None).concurrent
        (True, False)
        """
        waits = [_has(link.codec, "concurrent") for link in self.links]
        return any(waits) and all(
            w or _has(link.codec, "pure") for w, link in zip(waits, self.links, strict=True)
        )

    @property
    def wants_key(self) -> bool:
        """Whether some codec asks for the key of the row when it decodes.

        Examples
        --------
        >>> resolve("blob", None).wants_key
        False
        """
        return any("key" in link.decode_options for link in self.links)


_NOWHERE = CodecContext()


def _has(codec: Codec, trait: str) -> bool:
    """Whether the class of a codec says so itself: a subclass may do other things."""
    return bool(vars(type(codec)).get(trait))


def resolve(name: str, store: str | None = None) -> CodecChain:
    """Follow `get_dtype` from the codec `name` to a core type.

    Parameters
    ----------
    name
        Name of the codec of an attribute.
    store
        Its store: None for ``<name>``, ``""`` for ``<name@>`` (the default store), else a name.

    Raises
    ------
    UnknownCodecError
        A codec of the chain is not registered.
    CodecError
        The chain comes back to a codec that it already holds.

    Examples
    --------
    >>> resolve("blob", None)
    CodecChain(name='blob', store=None, links=(...), storage='bytes')
    """
    links: list[_Link] = []
    codec, outer = get_codec(name), store
    while True:
        links.append(_link(codec, outer))
        dtype = _stored_as(codec, outer is not None)
        if dtype.codec is None:
            return CodecChain(name, store, tuple(links), dtype.text)
        outer = outer if dtype.store is None else dtype.store
        codec = get_codec(dtype.codec)
        if any(link.codec is codec for link in links):
            names = [f"<{link.codec.name}>" for link in links] + [f"<{codec.name}>"]
            raise CodecError(
                f"The codecs {' → '.join(names)} never come to a core type.",
                hint="get_dtype of one of them must return a core type such as bytes or json.",
            )


def _stored_as(codec: Codec, is_store: bool) -> AttributeType:
    try:
        return parse_type(codec.get_dtype(is_store))
    except UnknownTypeError as error:
        raise error.suggest(f"It comes from get_dtype of the codec <{codec.name}>.") from None


def _link(codec: Codec, store: str | None) -> _Link:
    validates, encode_options, decode_options = _declared(type(codec))
    return _Link(codec, store, validates, encode_options, decode_options)


@lru_cache(maxsize=256)
def _declared(kind: type[Codec]) -> tuple[bool, frozenset[str], frozenset[str]]:
    return kind.validate is not Codec.validate, _options(kind.encode), _options(kind.decode) - {"store_name"}


def _options(method: Callable[..., Any]) -> frozenset[str]:
    """Return which of the optional arguments a method declares; all if it takes any."""
    code = getattr(method, "__code__", None)
    if code is None or hasattr(method, "__wrapped__"):
        return _options_of_signature(method)
    if code.co_flags & _TAKES_ANY:
        return frozenset(_OPTIONS)
    return frozenset(_OPTIONS).intersection(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def _options_of_signature(method: Callable[..., Any]) -> frozenset[str]:
    """Ask `inspect`, which is slow to import, about a decorated method."""
    import inspect

    parameters = inspect.signature(method).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return frozenset(_OPTIONS)
    return frozenset(_OPTIONS).intersection(parameters)

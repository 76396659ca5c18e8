"""Looking codecs up by name."""

from __future__ import annotations

import re
from typing import Any, NoReturn

from datajoint.codecs.base import CODECS, Codec
from datajoint.codecs.context import CodecContext
from datajoint.errors import (
    CodecError,
    ConfigurationError,
    DecodeError,
    EncodeError,
    UnknownCodecError,
    nearest,
)

__all__ = ["StoredObject", "get_codec", "list_codecs", "needs_stores"]

_LATER = frozenset({"object", "npy", "filepath"})
_MEANT = frozenset(("array", "ndarray", "numpy", "pickle", "object", "json", "dict", "list"))
_NOT_YET = ", which this release does not have yet"
_BRACKETS = re.compile(r"<\s*([^@>\s]*)\s*(?:@[^>]*)?>")


def get_codec(name: str) -> Codec:
    """Return the codec called `name`; brackets and a store are ignored, as in ``<blob@main>``.

    Raises
    ------
    UnknownCodecError
        No codec of that name is registered or comes with an installed package.

    Examples
    --------
    >>> get_codec("blob")
    <BlobCodec(name='blob')>
    """
    match = _BRACKETS.fullmatch(name)
    name = match[1] if match else name.partition("@")[0]
    try:
        codec = CODECS.find(name)
    except ConfigurationError as error:
        raise UnknownCodecError(f"Codec <{name}> is not registered.", hint=str(error)) from error
    if codec is None:
        raise UnknownCodecError(f"Codec <{name}> is not registered.", hint=_advice(name))
    return codec


def _advice(name: str) -> str:
    if name in _LATER:
        return f"<{name}> comes with object stores{_NOT_YET}."
    question = "Did you mean `<blob>`?" if name in _MEANT else nearest(name, CODECS.names())
    known = f"Codecs: {', '.join(f'<{own}>' for own in CODECS.names())}."
    package = "Install or import the package that defines others (a subclass of dj.Codec)."
    return " ".join(filter(None, (question, known, package)))


def needs_stores(name: str) -> bool:
    """Tell whether a codec comes with object stores, unless a package has one of that name.

    Examples
    --------
    >>> needs_stores("npy"), needs_stores("blob")
    (True, False)
    """
    return name in _LATER and CODECS.find(name) is None


class StoredObject(Codec, register=False):
    """What an attribute in an object store can do without one: it is declared, and holds or gives None.

    Parameters
    ----------
    dtype
        Type of the attribute, as in ``<blob@main>``.

    Examples
    --------
    >>> StoredObject("<npy@main>").get_dtype(is_store=True)
    'json'
    """

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype

    def get_dtype(self, is_store: bool) -> str:
        """Return ``json``: a row holds where its object is.

        Raises
        ------
        CodecError
            The attribute has no store.

        Examples
        --------
        >>> StoredObject("<npy@main>").get_dtype(is_store=True)
        'json'
        """
        if not is_store:
            name = self._dtype.strip("<>")
            raise CodecError(
                f"{self._dtype} needs a store.",
                hint=f"Write <{name}@> for the default store or <{name}@main>.",
            )
        return "json"

    def encode(self, value: Any) -> NoReturn:
        """Refuse any value.

        Examples
        --------
        >>> StoredObject("<npy@main>").encode([1, 2])
        Traceback (most recent call last):
        datajoint.errors.EncodeError: A value of type <npy@main> is kept in an object store...
        """
        raise EncodeError(self._refusal, hint="Insert None where the attribute is nullable, or leave it out.")

    def decode(self, stored: Any, *, context: CodecContext | None = None) -> NoReturn:
        """Refuse to read any value.

        Examples
        --------
        >>> StoredObject("<npy@main>").decode({"path": "a"})
        Traceback (most recent call last):
        datajoint.errors.DecodeError: A value of type <npy@main> is kept in an object store...
        """
        raise DecodeError(
            f"`{context.field}`: {self._refusal}" if context else self._refusal,
            hint="Fetch the other attributes by name, or leave this one out with .proj(...).",
        )

    @property
    def _refusal(self) -> str:
        kept = f"A value of type {self._dtype} is kept in an object store"
        return f"{kept}; object stores come with a later release."


def list_codecs() -> list[str]:
    """Return the names of all codecs, those of installed packages too.

    Examples
    --------
    >>> {"attach", "blob"} <= set(list_codecs())
    True
    """
    return CODECS.names()

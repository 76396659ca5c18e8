"""Looking codecs up by name."""

from __future__ import annotations

import re

from datajoint.codecs.base import CODECS, Codec
from datajoint.errors import (
    ConfigurationError,
    UnknownCodecError,
    nearest,
)

__all__ = ["get_codec", "list_codecs"]

_MEANT = frozenset(("array", "ndarray", "numpy", "pickle", "object", "json", "dict", "list"))
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
    question = "Did you mean `<blob>`?" if name in _MEANT else nearest(name, CODECS.names())
    known = f"Codecs: {', '.join(f'<{own}>' for own in CODECS.names())}."
    package = "Install or import the package that defines others (a subclass of dj.Codec)."
    return " ".join(filter(None, (question, known, package)))


def list_codecs() -> list[str]:
    """Return the names of all codecs, those of installed packages too.

    Examples
    --------
    >>> {"attach", "blob"} <= set(list_codecs())
    True
    """
    return CODECS.names()

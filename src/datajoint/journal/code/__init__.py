"""The fingerprint of a make: which code its results depend on (provenance §7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from datajoint._value import Value
from datajoint.errors import DeclarationError
from datajoint.journal.code.reach import reach
from datajoint.journal.digest import written

__all__ = ["Fingerprint", "digest_of", "fingerprint"]


class Fingerprint(Value):
    """The code that a make can reach, in one short text.

    Attributes
    ----------
    digest
        26 characters; equal for code that means the same.
    class_name
        Qualified name of the class.
    complete
        Whether all could be followed.
    unresolved
        What could not, in words.
    source
        Text of each piece by qualified name, without comments.
    external
        Names of installed packages and of Python that it uses; they do not count.
    sources
        Digest of the texts alone, without the values of this process that stand beside them.
    """

    digest: str
    class_name: str
    complete: bool
    unresolved: tuple[str, ...]
    source: Mapping[str, str]
    external: frozenset[str] = frozenset()
    sources: str = ""


def digest_of(*texts: str | bytes) -> str:
    """Return blake2b-128 of some texts as 26 lower-case base32 characters.

    Examples
    --------
    >>> len(digest_of("a", "b")), digest_of("a", "b") == digest_of("ab")
    (26, False)
    """
    whole = hashlib.blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        whole.update(len(data).to_bytes(8, "big"))
        whole.update(data)
    return written(whole.digest())


def fingerprint(cls: type) -> Fingerprint:
    """Return the fingerprint of the make of a table.

    Everything in the files of the project counts that `make`, its three parts and `key_source` reach by name:
    functions, methods, classes, constants of modules. Names of modules, positions, comments, docstrings and
    annotations do not count. Installed packages and Python belong to the environment.
    A class attribute `make_version` (str) stands for all of it, where its author wants to say what matters.

    Raises
    ------
    DeclarationError
        When `make_version` is no text.

    Examples
    --------
    >>> class Fit:
    ...     make_version = "2"
    ...
    ...     def make(self, key):
    ...         return 1
    >>> fingerprint(Fit).complete
    True
    """
    version = getattr(cls, "make_version", None)
    reached = reach(cls)
    if version is not None:
        if not isinstance(version, str) or not version:
            raise DeclarationError(
                f"make_version of `{cls.__qualname__}` is {version!r}, not a text.",
                hint='Write, for example, make_version = "2".',
            )
        return Fingerprint(
            digest_of("version", version), cls.__qualname__, True, (), reached.source, reached.external
        )
    digest = digest_of("code 1", *sorted(reached.pieces | reached.values))
    sources = digest if not reached.values else digest_of("code 1", *sorted(reached.pieces))
    unresolved = reached.unresolved
    return Fingerprint(
        digest, cls.__qualname__, not unresolved, unresolved, reached.source, reached.external, sources
    )

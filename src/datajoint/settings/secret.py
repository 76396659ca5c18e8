"""Values that must not be shown: `Secret` text, and `Tree`, a mapping that masks its secret entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

__all__ = ["MASK", "Secret", "Tree", "clone", "dig", "is_secret_name", "masked"]

MASK = "**********"

_SECRET_WORDS = ("password", "secret", "token", "access_key", "account_key", "api_key", "connection_string")
_HARMLESS = ("token_length",)


class Secret(str):
    """Text that works like any other but shows as stars where it is represented.

    Examples
    --------
    >>> password = Secret("open sesame")
    >>> password, password == "open sesame"
    ('**********', True)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK)

    def get_secret_value(self) -> str:
        """Return the plain text.

        Examples
        --------
        >>> Secret("x").get_secret_value()
        'x'
        """
        return str.__str__(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (str.__str__(self),)


class Tree(dict[str, Any]):
    """A nested mapping of settings, such as `stores`; its representation hides passwords and keys.

    Examples
    --------
    >>> Tree(lab={"bucket": "b", "secret_key": "s3cr3t"})
    {'lab': {'bucket': 'b', 'secret_key': '**********'}}
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(masked(dict(self)))


def is_secret_name(name: object) -> bool:
    """Tell whether the value under this name must not be shown.

    Examples
    --------
    >>> is_secret_name("secret_key"), is_secret_name("bucket")
    (True, False)
    """
    text = str(name).lower()
    return text.rsplit(".", 1)[-1] not in _HARMLESS and any(word in text for word in _SECRET_WORDS)


def masked(value: object, name: object = "") -> Any:
    """Copy a value for display, with stars in place of what lies under a secret name.

    Examples
    --------
    >>> masked({"user": "ada", "password": "x"})
    {'user': 'ada', 'password': '**********'}
    """
    if isinstance(value, Mapping):
        return {key: masked(item, key) for key, item in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, name) for item in cast(list[Any], value)]
    if value is None or isinstance(value, bool):
        return value
    return MASK if isinstance(value, Secret) or is_secret_name(name) else value


def clone(value: Any) -> Any:
    """Copy mappings and lists all the way down; a mapping becomes a `Tree`.

    Examples
    --------
    >>> clone({"a": [1]})
    {'a': [1]}
    """
    if isinstance(value, Mapping):
        return Tree((str(key), clone(item)) for key, item in cast(Mapping[Any, Any], value).items())
    if isinstance(value, list):
        return [clone(item) for item in cast(list[Any], value)]
    return value


def splits(path: str) -> Iterator[tuple[str, str]]:
    """Yield every (head, tail) of a dotted path, the longest head first."""
    position = path.rfind(".")
    while position > 0:
        yield path[:position], path[position + 1 :]
        position = path.rfind(".", 0, position)


def dig(tree: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """Look a dotted path up in nested mappings whose own keys may hold dots.

    Examples
    --------
    >>> dig({"a": {"b.c": {"d": 1}}}, "a.b.c.d")
    1
    """
    if path in tree:
        return tree[path]
    for head, tail in splits(path):
        branch = tree.get(head)
        if isinstance(branch, Mapping):
            found = dig(cast(Mapping[str, Any], branch), tail, default)
            if found is not default:
                return found
    return default

"""Methods asked of what does not have them, and what to write instead."""

from __future__ import annotations

from typing import Any

from datajoint.errors import ArgumentTypeError, DataJointError, MisplacedMethodError, nearest

__all__ = ["error", "explain", "subscripted"]

_DELETING = frozenset(("delete", "delete_quick", "drop", "drop_quick"))
_OF_TABLES = _DELETING | {"alter", "insert", "insert1", "insert_dataframe", "update", "update1", "validate"}
_OF_COMPUTED = frozenset(("jobs", "key_source", "make", "populate", "progress", "upstream"))
_WORDS = {"delete": "(Table & this).delete()", "update": "(Table & this).update({...})"}


def error(owner: object, name: str, advise: bool = True) -> AttributeError:
    """Return the error that says that an object has no attribute of a name.

    Parameters
    ----------
    advise
        Whether somebody reads it, so that it may take its time.

    Examples
    --------
    >>> error(object(), "sie")
    AttributeError("'object' object has no attribute 'sie'")
    """
    text = explain(owner, name, advise)
    ours = name in _OF_TABLES or (name in _OF_COMPUTED and hasattr(owner, "insert1"))
    found = MisplacedMethodError(text) if ours else AttributeError(text)
    found.name, found.obj = name, owner
    return found


def explain(owner: object, name: str, advise: bool = True) -> str:
    """Phrase that an object has no attribute of a name.

    Examples
    --------
    >>> explain(object(), "sie")
    "'object' object has no attribute 'sie'"
    """
    kind = type(owner).__name__
    if name in _OF_TABLES:
        use = next((text for start, text in _WORDS.items() if name.startswith(start)), f"Table.{name}(…)")
        return f"{name}() is for tables, and this is a query over them. Write {use}."
    if name in _OF_COMPUTED and hasattr(owner, "insert1"):
        return (
            f"`{kind}` is not computed: {name} is there for tables derived from dj.Computed and dj.Imported."
        )
    return f"{kind!r} object has no attribute {name!r}{_advice(owner, name) if advise else ''}"


def _advice(owner: object, name: str) -> str:
    """Return what to write for an attribute of the rows, or the nearest method; "" where there is neither."""
    if name.startswith("_") or not hasattr(type(owner), "fetch1"):
        return ""
    if name in _known_attributes(owner):
        return f"; `{name}` is an attribute of its rows. {use(name, _label(owner))}"
    meant = nearest(name, [own for own in dir(type(owner)) if own[0] == name[0]], limit=1)
    return f". {meant}" if meant else ""


def _label(owner: object) -> str:
    return type(owner).__name__ if hasattr(owner, "insert1") else "query"


def _known_attributes(owner: Any) -> Any:
    """Return the attributes of the rows where they are known without asking the database."""
    binding = getattr(owner, "_binding", None)
    if binding is not None and not binding.connection.catalog.knows(binding.name.schema):
        return ()
    if binding is None and getattr(owner, "_query", None) is None:
        return ()
    try:
        return owner.heading
    except DataJointError:  # the table is not there
        return ()


def use(name: str, label: str) -> str:
    """Say how to use an attribute of the rows.

    Examples
    --------
    >>> use("age", "Subject")
    "Write Subject.to_arrays('age') for its values, Subject & {'age': value} to restrict by it."
    """
    return (
        f"Write {label}.to_arrays('{name}') for its values, {label} & {{'{name}': value}} to restrict by it."
    )


def subscripted(label: str, name: object) -> ArgumentTypeError:
    r"""Return the error for ``Table[name]``.

    Examples
    --------
    >>> str(subscripted("Subject", 0))
    '`Subject[0]` means nothing: rows have keys, no numbers.\nWrite Subject & key, or Subject.head(n).'
    """
    if isinstance(name, str):
        return ArgumentTypeError(f"`{label}[{name!r}]` means nothing.", hint=use(name, label))
    return ArgumentTypeError(
        f"`{label}[{name!r:.40}]` means nothing: rows have keys, no numbers.",
        hint=f"Write {label} & key, or {label}.head(n).",
    )

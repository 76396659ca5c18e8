"""Methods asked of what does not have them, and what to write instead."""

from __future__ import annotations

from datajoint.errors import MisplacedMethodError

__all__ = ["error", "explain"]

_DELETING = frozenset(("delete", "delete_quick", "drop", "drop_quick"))
_OF_TABLES = _DELETING | {"alter", "insert", "insert1", "insert_dataframe", "update", "update1", "validate"}
_OF_COMPUTED = frozenset(("jobs", "key_source", "make", "populate", "progress", "upstream"))
_WORDS = {"delete": "(Table & this).delete()", "update": "(Table & this).update({...})"}


def error(owner: object, name: str) -> AttributeError:
    """Return the error that says that an object has no attribute of a name.

    Examples
    --------
    >>> error(object(), "sie")
    AttributeError("'object' object has no attribute 'sie'")
    """
    text = explain(owner, name)
    ours = name in _OF_TABLES or (name in _OF_COMPUTED and hasattr(owner, "insert1"))
    found = MisplacedMethodError(text) if ours else AttributeError(text)
    found.name, found.obj = name, owner
    return found


def explain(owner: object, name: str) -> str:
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
    return f"{kind!r} object has no attribute {name!r}"

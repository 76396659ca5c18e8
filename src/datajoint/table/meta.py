"""Metaclass of tables: operations on the class act on an instance of it."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from datajoint._edge import edge, is_ours, passing
from datajoint.errors import QueryError
from datajoint.query import misplaced

__all__ = ["TableMeta", "class_level"]

C = TypeVar("C", bound=type)


class _ClassLevel:
    """Makes a public member of an instance available on the class.

    It lives on the metaclass, where it comes before the attributes of the class but is never seen by
    instances nor by ``super()``: user classes may override the member as usual. A data descriptor, so that
    it wins over what the class defines.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, cls: Any, meta: type | None = None) -> Any:
        if cls is None:
            return self
        try:
            if cls._binding is not None:
                return getattr(cls(), self.name)
            for base in cls.__mro__:
                if self.name in base.__dict__:
                    return _detached(cls, base, base.__dict__[self.name])
        except BaseException as error:
            passing(error, sys._getframe(1))
            raise
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {self.name!r}")

    def __set__(self, cls: Any, value: Any) -> None:
        with _without_class_level(cls):
            setattr(cls, self.name, value)

    def __delete__(self, cls: Any) -> None:
        with _without_class_level(cls):
            delattr(cls, self.name)


@contextmanager
def _without_class_level(cls: Any) -> Generator[None]:
    """Let an attribute of a class be set: `type` asks the metaclass first, whose descriptors would answer.

    Operators stay; a thread that calls a method on the class at this very moment finds the plain function.
    """
    meta = cls.__class__
    cls.__class__ = _Operators
    try:
        yield
    finally:
        cls.__class__ = meta


def _detached(cls: Any, base: type, member: Any) -> Any:
    """Return a member of a class that has no table (yet); what needs one says how to attach it (TAB-16)."""
    if _is_ours(base):
        if isinstance(member, property) and not _is_ours(cls):
            return cls().binding  # which raises
        if isinstance(member, FunctionType):
            return _of_instance(cls, member)
    return member.__get__(None, cls) if hasattr(member, "__get__") else member


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "datajoint"


def _of_instance(cls: Any, member: FunctionType) -> Any:
    @wraps(member)
    def call(*arguments: Any, **options: Any) -> Any:
        if not arguments or not isinstance(arguments[0], cls):  # not called as `super().member` would be
            _ = cls().binding
        return member(*arguments, **options)

    return call


def _documented(cls: Any) -> str | None:
    """Return the docstring of a class with the definition of its table (TAB-17)."""
    own = cls.__dict__.get("__doc__")
    text = cls().definition if cls._binding is not None else None
    if not isinstance(text, str) or "definition" in (own or ""):
        return own
    return f"{_trimmed(own or '')}\n\nTable definition::\n\n{_trimmed(text)}".strip()


def _trimmed(text: str) -> str:
    import inspect

    return inspect.cleandoc(text)


def _document(cls: Any, text: str | None) -> None:
    type.__dict__["__doc__"].__set__(cls, text)


@edge
class _Operators(type):
    """Operators on the class are those of an instance, which the class or a mixin may override."""

    __doc__ = property(_documented, _document)  # type: ignore[assignment] # pyright: ignore[reportIncompatibleVariableOverride, reportAssignmentType]
    _binding: Any

    def __and__(cls, other: Any) -> Any:
        return cls() & other

    def __sub__(cls, other: Any) -> Any:
        return cls() - other

    def __mul__(cls, other: Any) -> Any:
        return cls() * other

    def __add__(cls, other: Any) -> Any:
        return cls() + other

    def __xor__(cls, other: Any) -> Any:
        return cls() ^ other

    def __matmul__(cls, other: Any) -> Any:
        return cls() @ other

    def __lshift__(cls, other: Any) -> Any:
        return cls() << other

    def __rshift__(cls, other: Any) -> Any:
        return cls() >> other

    if not TYPE_CHECKING:  # else any name would do for a type checker

        def __or__(cls, other: Any) -> Any:
            """Refuse what looks like a union of rows; a union of types, ``Session | None``, is one."""
            if isinstance(other, _Operators) or hasattr(type(other), "fetch1"):
                raise QueryError("There is no operator | of tables.", hint="The union is A + B.")
            return type.__or__(cls, other)

        def __getattr__(cls, name: str) -> Any:
            """Say what to write for an attribute of the rows, or which method has nearly that name."""
            asked = not name.startswith("_") and name not in TableMeta.__dict__ and cls._binding is not None
            if asked and not is_ours(sys._getframe(1)):
                text = misplaced.explain(cls(), name).replace(
                    f"{cls.__name__!r} object", f"type object {cls.__name__!r}", 1
                )
                raise AttributeError(text, name=name, obj=cls)
            return type.__getattribute__(cls, name)  # which fails again, as itself

    def __invert__(cls) -> Any:
        return ~cls()

    def __len__(cls) -> int:
        return len(cls())

    def __bool__(cls) -> bool:
        return True if cls._binding is None else bool(cls())

    def __contains__(cls, item: Any) -> bool:
        return item in cls()

    def __iter__(cls) -> Iterator[Any]:
        return iter(cls())


class TableMeta(_Operators):
    """Operators and queries on the class."""

    __doc__ = _Operators.__dict__["__doc__"]


def class_level(cls: C) -> C:
    """Offer the public members of a class on the table classes themselves, too; they are an edge."""
    edge(cls)
    for name in cls.__dict__:
        if not name.startswith("_") and name not in TableMeta.__dict__:
            setattr(TableMeta, name, _ClassLevel(name))
    return cls

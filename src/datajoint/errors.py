"""The exceptions a user of DataJoint can meet, and nothing else.

::

    DataJointError
    ├ ArgumentValueError (ValueError)
    ├ ArgumentTypeError (TypeError)
    ├ MisplacedMethodError (AttributeError)
    ├ ConfigurationError (ValueError)
    ├ DeclarationError
    │   ├ DefinitionSyntaxError
    │   ├ UnknownTypeError
    │   └ ForeignKeyTargetError
    ├ QueryError
    │   ├ QuerySyntaxError
    │   ├ UnknownAttributeError (KeyError)
    │   ├ SemanticMatchError
    │   ├ PortabilityError
    │   ├ AccessError
    │   ├ DuplicateError
    │   ├ IntegrityError
    │   ├ CheckError
    │   ├ StatementTimeoutError
    │   └ MissingAttributeError
    ├ MissingTableError
    ├ LostConnectionError
    ├ TransactionError
    │   └ DeadlockError
    ├ ThreadSafetyError
    ├ StorageError
    │   ├ MissingExternalFile
    │   ├ BucketInaccessible
    │   └ CorruptObjectError
    ├ CodecError
    │   ├ UnknownCodecError
    │   ├ EncodeError
    │   └ DecodeError
    └ ComputeError
        ├ MakeError
        ├ JobError
        └ ContractError

A message says what happened, with which names, and then what to do. No driver exception reaches a
user: the original is the ``__cause__``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from datajoint import _printed

__all__ = [
    "AccessError", "ArgumentTypeError", "ArgumentValueError", "BucketInaccessible", "CheckError",
    "CodecError", "ComputeError", "ConfigurationError", "ContractError", "CorruptObjectError",
    "DataJointDeprecationWarning", "DataJointError", "DataJointWarning", "DeadlockError",
    "DeclarationError", "DecodeError", "DefinitionSyntaxError", "DuplicateError", "EncodeError",
    "ForeignKeyTargetError", "IntegrityError", "JobError", "LostConnectionError", "MakeError",
    "MisplacedMethodError", "MissingAttributeError", "MissingExternalFile", "MissingTableError",
    "PortabilityError", "QueryError", "QuerySyntaxError", "SemanticMatchError", "StatementTimeoutError",
    "StorageError", "ThreadSafetyError", "TransactionError", "UnknownAttributeError", "UnknownCodecError",
    "UnknownTypeError", "nearest",
]  # fmt: skip


class DataJointError(Exception):
    """Base of all errors raised on purpose by DataJoint.

    Parameters
    ----------
    message
        What happened, with the names of table, attribute and value.
    hint
        What to do about it; appended to the message on a line of its own.
    code
        Number of the error in the documentation; the class has a default.
    **context
        Anything else worth keeping for a log (the SQL text, the key, …). Never secrets.

    Examples
    --------
    >>> print(DataJointError("`Session` has no attribute `dat`.", hint="Did you mean `date`?"))
    `Session` has no attribute `dat`.
    Did you mean `date`?
    """

    default_code = "DJ000"
    full_traceback: Any = None
    """The stack with the frames of the library, which the traceback lacks; ``print`` it, or None."""

    def __init__(self, message: str = "", *args: object, hint: str | None = None, code: str | None = None,
                 **context: Any) -> None:  # fmt: skip
        super().__init__(message, *args)
        self.message = message
        self.hints: list[str] = [hint] if hint else []
        self.code = code or self.default_code
        self.context = context

    def suggest(self, *advice: str) -> Self:
        r"""Append advice to the message and return the same error.

        Examples
        --------
        >>> str(DataJointError("Nothing to do.").suggest("Insert rows first."))
        'Nothing to do.\nInsert rows first.'
        """
        self.hints.extend(advice)
        return self

    @property
    def hint(self) -> str | None:
        """The advice given with the error, or None."""
        return "\n".join(self.hints) or None

    def __str__(self) -> str:
        return _printed.printable("\n".join([str(self.message), *self.hints]))

    def __reduce__(self) -> tuple[Any, ...]:
        notes = {"__notes__": list(self.__notes__)} if hasattr(self, "__notes__") else None
        return _rebuild, (type(self), self.args, self.hints, self.code, _picklable(self.context)), notes


def _rebuild(
    kind: type[DataJointError], args: tuple[Any, ...], hints: list[str], code: str, context: dict[str, Any]
) -> DataJointError:
    error = kind(*args, code=code, **context)
    error.hints = hints
    return error


def _picklable(context: dict[str, Any]) -> dict[str, Any]:
    plain = (str, int, float, bool, type(None), tuple, list, dict)
    return {name: value for name, value in context.items() if isinstance(value, plain)}


class ConfigurationError(DataJointError, ValueError):
    """A setting is unknown, missing or wrong; names the setting and where it came from."""

    default_code = "DJ100"


class LostConnectionError(DataJointError):
    """The server cannot be reached, or the connection to it was lost."""

    default_code = "DJ110"


class TransactionError(DataJointError):
    """Something cannot be done inside, or needs, a transaction."""

    default_code = "DJ120"


class DeadlockError(TransactionError):
    """The database has ended this transaction, which stood in the way of another; run it again."""

    default_code = "DJ121"


class ThreadSafetyError(DataJointError):
    """Global state was used where ``DJ_THREAD_SAFE`` forbids it; use `dj.Instance`."""

    default_code = "DJ130"


class DeclarationError(DataJointError):
    """A table definition cannot be used."""

    default_code = "DJ200"


class DefinitionSyntaxError(DeclarationError):
    """A line of a definition cannot be read; shows line, position and a caret."""

    default_code = "DJ201"


class UnknownTypeError(DeclarationError):
    """An attribute has a type that does not exist."""

    default_code = "DJ202"


class ForeignKeyTargetError(DeclarationError):
    """A reference ``-> X`` names nothing that can be referenced."""

    default_code = "DJ203"


class MissingTableError(DataJointError):
    """A table or schema does not exist in the database."""

    default_code = "DJ210"


class QueryError(DataJointError):
    """A query, insert, update or delete is refused."""

    default_code = "DJ300"


class QuerySyntaxError(QueryError):
    """A condition or expression given as text cannot be read; shows the position."""

    default_code = "DJ301"


class UnknownAttributeError(QueryError, KeyError):
    """A name is not an attribute of the expression."""

    default_code = "DJ302"


class SemanticMatchError(QueryError):
    """Two attributes share a name but not a meaning."""

    default_code = "DJ303"


class PortabilityError(QueryError):
    """A function or operator does not exist on the backend in use."""

    default_code = "DJ304"


class AccessError(QueryError):
    """The database user lacks a right; carries the statement."""

    default_code = "DJ310"


class DuplicateError(QueryError):
    """A row with the same key, or the same values of a unique index, exists already."""

    default_code = "DJ400"


class IntegrityError(QueryError):
    """A row refers to a parent that does not exist, or is still referred to."""

    default_code = "DJ401"


class MissingAttributeError(QueryError):
    """A row lacks a required attribute."""

    default_code = "DJ402"


class CheckError(QueryError):
    """A row breaks a check of its table."""

    default_code = "DJ403"


class StatementTimeoutError(QueryError):
    """The database stopped a statement that took longer than ``database.statement_timeout`` allows."""

    default_code = "DJ305"


class ComputeError(DataJointError):
    """A computation failed."""

    default_code = "DJ500"


class MakeError(ComputeError):
    """A ``make`` failed in another process with an exception that cannot be brought here."""

    default_code = "DJ501"


class JobError(ComputeError):
    """A job cannot be reserved, refreshed or completed."""

    default_code = "DJ502"


class ContractError(ComputeError):
    """A ``make`` did not do what it promises: one row for its own key."""

    default_code = "DJ503"


class StaleInputError(ComputeError):
    """A ``make`` reads a row that is stale itself, and the setting ``provenance.stale`` refuses that."""

    default_code = "DJ504"


class StorageError(DataJointError):
    """An object store refuses or fails."""

    default_code = "DJ600"


class MissingExternalFile(StorageError):  # noqa: N818 - the name is in use since 0.x
    """A row names an object that is not in its store."""

    default_code = "DJ601"


class BucketInaccessible(StorageError):  # noqa: N818 - the name is in use since 0.x
    """A bucket does not exist or may not be used."""

    default_code = "DJ602"


class CorruptObjectError(StorageError):
    """An object differs from what was stored."""

    default_code = "DJ603"


class ObjectMismatchError(StorageError):
    """An object is missing, or its size is not that of the row; also known as `objectref.IntegrityError`."""

    default_code = "DJ604"


class CodecError(DataJointError):
    """A codec cannot be used."""

    default_code = "DJ610"


class UnknownCodecError(CodecError):
    """A codec is not installed."""

    default_code = "DJ611"


class EncodeError(CodecError):
    """A value cannot be stored by its codec."""

    default_code = "DJ612"


class DecodeError(CodecError):
    """A stored value cannot be read by its codec."""

    default_code = "DJ613"


class ArgumentValueError(DataJointError, ValueError):
    """An argument has a value that means nothing."""

    default_code = "DJ001"


class ArgumentTypeError(DataJointError, TypeError):
    """An argument is of a type that cannot be used."""

    default_code = "DJ002"


class MisplacedMethodError(DataJointError, AttributeError):
    """A method is asked of what does not have it: of a query what only tables have."""

    default_code = "DJ003"


class DataJointWarning(UserWarning):
    """Something in the user's code deserves a second look."""


class DataJointDeprecationWarning(DeprecationWarning):
    """An old spelling that still works."""


def nearest(name: str, names: Iterable[str], limit: int = 3) -> str | None:
    """Phrase a question naming the closest of `names`, or return None when none is close.

    Examples
    --------
    >>> nearest("sesion", ["session", "subject"])
    'Did you mean `session`?'
    """
    from difflib import get_close_matches

    folded: dict[str, list[str]] = {}
    for known in dict.fromkeys(names):
        folded.setdefault(known.lower(), []).append(known)
    matches = [
        known
        for match in get_close_matches(name.lower(), folded, n=limit, cutoff=0.6)
        for known in folded[match]
    ]
    return f"Did you mean {' or '.join(f'`{match}`' for match in matches)}?" if matches else None


def _switch_adapted_types(on: bool) -> None:
    """Accept a call of older code, which had to switch its adapters on (move-in, section 3)."""


_switch_filepath_types = _switch_adapted_types

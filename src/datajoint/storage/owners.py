"""Which databases use a schema's part of a store: each leaves a marker there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from datajoint._value import Value
from datajoint.errors import StorageError

if TYPE_CHECKING:
    from datajoint.storage.medium import Medium

__all__ = ["MARKERS", "Owner", "mark", "owners_of", "same"]

MARKERS = "_datajoint/databases"


class Owner(Value):
    """A database that has written objects of a schema.

    Attributes
    ----------
    database
        Its address, without user and password.
    path
        Of the marker.
    """

    database: str
    path: str


def _folder(schema: str) -> str:
    return f"{MARKERS}/{quote(schema, safe='')}"


def mark(medium: Medium, schema: str, database: str) -> None:
    """Leave the marker of a database, unless it exists.

    Examples
    --------
    >>> from datajoint.storage.memory import Memory
    >>> medium = Memory("example", "owners")
    >>> mark(medium, "lab", "postgresql://localhost/postgres")
    >>> [owner.database for owner in owners_of(medium, "lab")]
    ['postgresql://localhost/postgres']
    """
    path = f"{_folder(schema)}/{sha256(_identity(database).encode()).hexdigest()[:16]}.json"
    if medium.find(path) is None:
        told = {"database": database, "schema": schema, "since": datetime.now(UTC).isoformat()}
        medium.create(path, json.dumps(told, indent=2).encode())


def same(one: str, other: str) -> bool:
    """Whether two addresses are of one database: a server has an identity beside its names.

    Examples
    --------
    >>> same("mysql://localhost:3306/ (a-1)", "mysql://db.lab.org:3306/ (a-1)")
    True
    """
    return _identity(one) == _identity(other)


def _identity(database: str) -> str:
    """Return what does not depend on the way to a server: backend, its own identity, name of the database."""
    address, _, known = database.removesuffix(")").rpartition(" (")
    if not address:
        return database
    return f"{address.partition(':')[0]} {known} {address.rpartition('/')[2]}"


def owners_of(medium: Medium, schema: str) -> list[Owner]:
    """Return the databases that have left a marker.

    Raises
    ------
    StorageError
        A marker cannot be read.

    Examples
    --------
    >>> from datajoint.storage.memory import Memory
    >>> owners_of(Memory("example", "nobody"), "lab")
    []
    """
    return [Owner(_database(medium, e.path), e.path) for e in medium.listing(_folder(schema))]


def _database(medium: Medium, path: str) -> str:
    try:
        return str(json.loads(medium.read(path))["database"])
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"The marker {path} in {medium.place} cannot be read.",
            hint="It names a database that uses the store: look at it, and delete it if it is damaged.",
        ) from error

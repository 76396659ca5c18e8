"""Declaring tables from text, and looking at a database past DataJoint, for tests of declarations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

NATIVE_OBJECTS = {
    "sqlite": (
        "SELECT name FROM sqlite_master"
        " WHERE instr(name, '.') > 0 AND substr(name, 1, instr(name, '.') - 1) = ?"
    ),
    "postgresql": (
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1"
        " UNION ALL "
        "SELECT t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
        " WHERE n.nspname = $1 AND t.typtype = 'e'"
    ),
    "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
}


class Declaring:
    """`declare("Name", definition, tier=dj.Manual, scope={…}, **members)` makes a class and attaches it.

    Classes declared before are in scope.
    """

    def __init__(self, schema: Any, known: dict[str, Any] | None = None) -> None:
        self.schema = schema
        self.known: dict[str, Any] = {} if known is None else known

    def __call__(
        self,
        name: str,
        definition: Any,
        tier: Any = None,
        scope: dict[str, Any] | None = None,
        **members: Any,
    ) -> Any:
        import datajoint as dj

        tier = tier or dj.Manual
        cls = type(tier)(name, (tier,), {"definition": definition, **members})
        attached = self.schema(cls, context={**self.known, **(scope or {})})
        self.known[name] = attached
        return attached

    def on(self, schema: Any) -> Declaring:
        """Declare in another schema; of the same connection with the same names in scope."""
        same = schema.connection is self.schema.connection
        return Declaring(schema, self.known if same else None)

    @staticmethod
    def part(name: str, definition: str, **members: Any) -> Any:
        """Return a class to be a member of a master: `declare("Scan", text, Cell=part("Cell", text))`."""
        import datajoint as dj

        return type(dj.Part)(name, (dj.Part,), {"definition": definition, **members})


@pytest.fixture
def declare(schema: Any) -> Declaring:
    """Give a function that declares in the schema of the test."""
    return Declaring(schema)


@pytest.fixture
def inventory(schema: Any) -> Callable[..., list[str]]:
    """Give a function that lists all that the database itself holds in a schema: tables, indexes, types."""

    def look(name: str | None = None) -> list[str]:
        connection = schema.connection
        text = NATIVE_OBJECTS[connection.backend.name]
        return sorted(row[0] for row in connection.query(text, [name or schema.database]).fetchall())

    return look

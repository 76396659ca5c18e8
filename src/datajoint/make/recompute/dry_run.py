"""A make whose writes are looked at and never written (provenance §5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from datajoint.engine.connection import Connection
from datajoint.errors import ContractError
from datajoint.heading.names import TableName
from datajoint.journal.reads.recording import ReadLog
from datajoint.make.make import Attempts, Key, KeyedWrites, run_make
from datajoint.table.table import Table

__all__ = ["Rehearsal", "rehearse"]

_READS = re.compile(r"\s*(select|show|describe|explain(?!\s+\(?\s*analy))\b[^;]*;?\s*", re.IGNORECASE)
_WRITES = re.compile(r"\binto\b", re.IGNORECASE)


class Rehearsal(KeyedWrites):
    """The writes of a make that stay where they are collected; whatever would write at once is refused.

    Parameters
    ----------
    table, key
        What is made.
    """

    def __init__(self, table: Table, key: Key) -> None:
        super().__init__(table, key)
        self.must_not_pin = True
        self.refused: ContractError | None = None

    def _new_log(self) -> ReadLog | None:
        return ReadLog(self.connection, self.name, self._key)  # though none of it is recorded

    def _find_origin(self, table: Table) -> None:
        return None

    def _watch_inputs(self, table: Table, key: Key) -> None:
        return None  # it is compared all the same

    def pin(self) -> None:
        """Refuse to write what is collected before the end."""
        self._refuse("reads what it has inserted")

    def before_write(self, connection: Connection, table: TableName) -> None:
        """Refuse to write anything but the rows of the key."""
        self._refuse(f"writes to `{table.class_name}`")

    def before_sql(self, connection: Connection, text: str) -> None:
        """Refuse SQL that may write."""
        if not _READS.fullmatch(text) or _WRITES.search(text):
            self._refuse("runs SQL that is no plain SELECT")
        super().before_sql(connection, text)

    def _refuse(self, what: str) -> None:
        self.refused = ContractError(
            f"`{self._table.class_name}` cannot be verified for the key {dict(self._key)}: its make {what}.",
            hint="Nothing was changed. A make that inserts into its own table and parts, and does nothing "
            "else to the database, can be verified.",
        )
        raise self.refused


def _inspect_nothing(table: Table, key: Key, writes: Rehearsal) -> None:
    """Store nothing, so check nothing."""


def rehearse(table: Table, key: Key, make_kwargs: Mapping[str, Any]) -> Rehearsal:
    """Make one key afresh, and return what it would write; nothing is written.

    Where its inputs change meanwhile it is made again, as by `make`.

    Raises
    ------
    ContractError
        When it writes elsewhere, or cannot go on before its rows are written.
    """
    attempts = Attempts(table, key)
    while True:
        with attempts:
            writes = Rehearsal(table, key)
            run_make(table, key, make_kwargs, writes, _inspect_nothing)
            if writes.refused is not None:  # and caught by the make
                raise writes.refused
            writes.confirm()
            return writes

"""Writers of rows: events with their code and environment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from datajoint._value import Value
from datajoint.engine.connection import Connection
from datajoint.errors import MissingTableError
from datajoint.provenance.history.events import environments_of, events_of
from datajoint.query.expression import QueryExpression

__all__ = ["Writer", "newest_confirmation", "time_text", "writers_of"]

_DONE = {
    "insert": "inserted", "replace": "replaced", "update": "updated", "delete": "deleted", "make": "made",
    "confirm": "confirmed", "reuse": "taken from history", "restore": "restored", "adopt": "adopted",
}  # fmt: skip
_WHOLE = ("make", "reuse", "restore")
"""What writes rows of parts together with those of their master."""

_DIGITS = 7
"""Of a commit and of the digest of code, in words."""


class Writer(Value):
    """An event that wrote rows.

    Attributes
    ----------
    event, kind, table
        Its number, what it did, and the table that it wrote to.
    finished
        When, in UTC.
    user, host, client
        Who, where, with which program.
    code, commit, branch, dirty, python
        As which code it ran, in which environment; None where that is not known.
    """

    event: int
    kind: str
    table: str | None
    finished: dt.datetime
    user: str
    host: str
    client: str
    code: str | None = None
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    python: str | None = None

    @property
    def done(self) -> str:
        """What it did, when and by whom."""
        return f"{self.deed} {time_text(self.finished)} by {self.who}"

    @property
    def deed(self) -> str:
        """What it did."""
        return _DONE.get(self.kind, self.kind)

    @property
    def who(self) -> str:
        """Whose it is."""
        return f"{self.user}@{self.host}" if self.host else self.user

    @property
    def ran(self) -> str:
        """As which code it ran, if it was a make."""
        commit = (
            f"commit {self.commit[:_DIGITS]}{' with changes' if self.dirty else ''}" if self.commit else ""
        )
        code = f"code {self.code[:_DIGITS]}" if self.code else ""
        python = f"Python {self.python}" if self.python else ""
        return ", ".join(text for text in (code, commit, python) if text)

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON has of it."""
        told = {name: getattr(self, name) for name in self.__match_args__}
        return {**told, "finished": f"{self.finished.isoformat()}Z"}


def time_text(time: dt.datetime) -> str:
    """Return a time to the second.

    Examples
    --------
    >>> time_text(dt.datetime(2026, 11, 28, 14, 5, 9, 123))
    '2026-11-28 14:05:09'
    """
    return time.replace(microsecond=0).isoformat(" ")


def writers_of(connection: Connection, schema: str, events: Collection[int]) -> dict[int, Writer]:
    """Return the events of some numbers; rows of parts are told with the make that they belong to.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> writers_of(schema.connection, "lab", [7])
    {}
    """
    if not events:
        return {}
    try:
        known = events_of(connection, schema)
    except MissingTableError:
        return {}
    rows = _by_event(known, events)
    whole = known & [{"kind": kind} for kind in _WHOLE]
    makes = _by_event(whole, {r["parent"] for r in rows.values() if r["parent"]})
    makes = {event: row for event, row in makes.items() if row["kind"] != "restore" or row["code"]}
    found = {event: makes.get(row["parent"], row) for event, row in rows.items()}
    environments = _environments(connection, schema, {row["environment"] for row in found.values()})
    return {event: _writer(row, environments.get(row["environment"], {})) for event, row in found.items()}


def _by_event(events: QueryExpression, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
    if not numbers:
        return {}
    return {row["event"]: row for row in (events & [{"event": n} for n in sorted(numbers)]).to_dicts()}


def _environments(connection: Connection, schema: str, digests: set[Any]) -> dict[str, dict[str, Any]]:
    wanted = sorted(digest for digest in digests if digest is not None)
    if not wanted:
        return {}
    found = environments_of(connection, schema) & [{"environment": digest} for digest in wanted]
    return {row["environment"]: row for row in found.proj("python", "commit", "branch", "dirty").to_dicts()}


def _writer(row: Mapping[str, Any], environment: Mapping[str, Any]) -> Writer:
    return Writer(
        row["event"], row["kind"], row["table_name"], row["finished"], row["user"] or row["db_user"],
        row["host"], row["client"], row["code"], environment.get("commit"), environment.get("branch"),
        environment.get("dirty"), environment.get("python"),
    )  # fmt: skip


def newest_confirmation(connection: Connection, schema: str, event: int) -> int | None:
    """Return the latest event that confirms what another one has made, None where there is none."""
    confirms = events_of(connection, schema) & {"kind": "confirm", "confirms": event}
    return max(confirms.to_arrays("event").tolist(), default=None)

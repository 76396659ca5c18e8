"""OpenLineage run events (https://openlineage.io/spec/2-0-2/OpenLineage.json)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from datajoint.provenance.export.slice import Event, Row, Slice, written_by
from datajoint.version import __version__

__all__ = ["events"]

_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_PRODUCER = f"https://datajoint.org/datajoint-python/{__version__}"
_NAMESPACE = uuid.UUID("6f0e7a3c-58a1-4d2b-9f3e-2d1c0b7a9e55")
"""Of the names of runs, so that an event is the same run in every export."""


def events(exported: Slice) -> list[dict[str, Any]]:
    """Return a COMPLETE event for each event: the tables read and written, and the job, which is a table.

    Examples
    --------
    >>> events(Slice("lab", (), {}))
    []
    """
    tables, made = {row.name: row.table for row in exported.rows}, written_by(exported)
    return [_event(event, made[number], tables) for number, event in exported.events.items()]


def _event(event: Event, made: Sequence[Row], tables: Mapping[str, str]) -> dict[str, Any]:
    read = dict.fromkeys(tables[parent] for row in made for parent in row.parents)
    written = dict.fromkeys(row.table for row in made)
    return {
        "eventType": "COMPLETE",
        "eventTime": event.ended,
        "producer": _PRODUCER,
        "schemaURL": _SCHEMA,
        "run": {"runId": str(uuid.uuid5(_NAMESPACE, f"{event.schema}/{event.number}")), "facets": {}},
        "job": {
            "namespace": f"datajoint.{event.schema}",
            "name": f"{event.kind}.{event.table or event.schema}",
            "facets": _source(event),
        },
        "inputs": [_dataset(name) for name in read] if event.is_make else [],
        "outputs": [_dataset(name) for name in written],
    }


def _dataset(table: str) -> dict[str, Any]:
    return {"namespace": "datajoint", "name": table, "facets": {}}


def _source(event: Event) -> dict[str, Any]:
    """Return where the code is kept, if that is known."""
    if not event.commit or not event.remote:
        return {}
    return {
        "sourceCodeLocation": {
            "_producer": _PRODUCER,
            "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/SourceCodeLocationJobFacet.json",
            "type": "git",
            "url": event.remote,
            "version": event.commit,
        }
    }

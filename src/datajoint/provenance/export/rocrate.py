"""RO-Crate 1.1 metadata (https://w3id.org/ro/crate/1.1), with the actions of its provenance profile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from datajoint.provenance.export.slice import Event, Row, Slice, written_by

__all__ = ["document"]


def document(exported: Slice) -> dict[str, Any]:
    """Return ``ro-crate-metadata.json``: rows as contextual entities, events as actions.

    Examples
    --------
    >>> document(Slice("lab", (), {}))["@graph"][0]["@id"]
    'ro-crate-metadata.json'
    """
    rows = [
        {
            "@id": f"#row/{row.name}", "@type": "PropertyValueSpecification", "name": row.name,
            "valueName": row.table,
            **({"isBasedOn": [{"@id": f"#row/{parent}"} for parent in row.parents]} if row.parents else {}),
        }
        for row in exported.rows
    ]  # fmt: skip
    events = list(exported.events.values())
    users = dict.fromkeys(event.user for event in events)
    people = [{"@id": f"#person/{user}", "@type": "Person", "name": user} for user in users]
    digests = dict.fromkeys(event.code for event in events if event.code)
    code = [{"@id": f"#code/{n}", "@type": "SoftwareApplication", "name": f"code {n}"} for n in digests]
    made = written_by(exported)
    actions = [_action(event, made[event.number]) for event in events]
    root = {
        "@id": "./", "@type": "Dataset", "name": f"Rows of {exported.schema} and where they come from",
        "description": "Rows of a DataJoint pipeline, the rows that they derive from, and who wrote them.",
        "datePublished": dt.datetime.now(dt.UTC).date().isoformat(),
        "license": "not given",
        "mentions": [{"@id": action["@id"]} for action in actions],
    }  # fmt: skip
    head = {
        "@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }  # fmt: skip
    graph = [head, root, *actions, *people, *code, *rows]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def _action(event: Event, made: Sequence[Row]) -> dict[str, Any]:
    used = dict.fromkeys(parent for row in made for parent in row.parents) if event.is_make else {}
    told: dict[str, Any] = {
        "@id": f"#event/{event.number}", "@type": "CreateAction",
        "name": f"{event.kind} {event.table or ''}".strip(),
        "startTime": event.started, "endTime": event.ended, "agent": {"@id": f"#person/{event.user}"},
        "result": [{"@id": f"#row/{row.name}"} for row in made],
    }  # fmt: skip
    if used:
        told["object"] = [{"@id": f"#row/{name}"} for name in used]
    if event.code:
        told["instrument"] = {"@id": f"#code/{event.code}"}
    return told

"""W3C PROV in its JSON form (https://www.w3.org/submissions/prov-json/)."""

from __future__ import annotations

from typing import Any

from datajoint.provenance.export.slice import Event, Slice

__all__ = ["document"]

_PREFIXES = {"dj": "https://datajoint.org/ns/", "row": "urn:datajoint:row:", "event": "urn:datajoint:event:",
             "agent": "urn:datajoint:agent:", "code": "urn:datajoint:code:"}  # fmt: skip


def document(exported: Slice) -> dict[str, Any]:
    """Return rows as entities, events as activities, users and programs as agents, code as plans.

    Examples
    --------
    >>> document(Slice("lab", (), {}))["entity"]
    {}
    """
    entities: dict[str, Any] = {}
    generated: dict[str, Any] = {}
    derived: dict[str, Any] = {}
    used: dict[str, Any] = {}
    for row in exported.rows:
        name = f"row:{row.name}"
        entities[name] = {"prov:type": _qualified("dj:Row"), "dj:table": row.table}
        entities[name] |= {f"dj:{attribute}": value for attribute, value in row.key.items()}
        event = exported.events.get(row.event) if row.event is not None else None
        if event is not None:
            generated[f"_:g{len(generated)}"] = {
                "prov:entity": name, "prov:activity": f"event:{event.number}", "prov:time": event.ended,
            }  # fmt: skip
        for parent in row.parents:
            derived[f"_:d{len(derived)}"] = {
                "prov:generatedEntity": name, "prov:usedEntity": f"row:{parent}",
            }  # fmt: skip
            if event is not None and event.is_make:
                used[f"_:u{len(used)}"] = {
                    "prov:activity": f"event:{event.number}", "prov:entity": f"row:{parent}",
                }  # fmt: skip
    code = {event.code for event in exported.events.values() if event.code}
    entities |= {f"code:{digest}": {"prov:type": _qualified("prov:Plan")} for digest in sorted(code)}
    events = exported.events.values()
    return {
        "prefix": dict(_PREFIXES),
        "entity": entities,
        "activity": {f"event:{event.number}": _activity(event) for event in events},
        "agent": {_agent(event): _described(event) for event in events},
        "wasGeneratedBy": generated,
        "used": used,
        "wasDerivedFrom": derived,
        "wasAssociatedWith": {f"_:a{n}": _associated(event) for n, event in enumerate(events)},
    }


def _qualified(name: str) -> dict[str, str]:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _activity(event: Event) -> dict[str, Any]:
    told: dict[str, Any] = {
        "prov:startTime": event.started, "prov:endTime": event.ended, "dj:kind": event.kind,
        "dj:schema": event.schema, "dj:host": event.host,
    }  # fmt: skip
    optional = {"dj:table": event.table, "dj:commit": event.commit, "dj:repository": event.remote}
    return told | {name: value for name, value in optional.items() if value}


def _agent(event: Event) -> str:
    return f"agent:{event.user}@{event.host}"


def _described(event: Event) -> dict[str, Any]:
    return {"prov:type": _qualified("prov:Person"), "prov:label": event.user, "dj:client": event.client}


def _associated(event: Event) -> dict[str, Any]:
    told = {"prov:activity": f"event:{event.number}", "prov:agent": _agent(event)}
    return told | ({"prov:plan": f"code:{event.code}"} if event.code else {})

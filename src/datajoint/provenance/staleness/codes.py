"""Comparison of recorded with present code: code reached by names, and functions that ran."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from datajoint._value import Value, replace
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.journal.code import Fingerprint
from datajoint.journal.code.reach import UNREADABLE
from datajoint.journal.events.origin import (
    FORM,
    NAMES_AND_RAN,
    NAMES_ONLY,
    RAN,
    SOURCES,
    STATIC,
    VALUES,
)  # fmt: skip
from datajoint.journal.ran.present import FILE, GONE, MAIN, SAME, Present, compare, present_text
from datajoint.journal.ran.recorded import DIFFERS, UNKNOWN_HERE, RecordedValue, compare_value, is_ignored
from datajoint.provenance.staleness.states import FRESH, PARTLY, POSSIBLY, STALE
from datajoint.query.expression import QueryExpression
from datajoint.sql.system import CODE

__all__ = ["RecordedCode", "Verdict", "code_as_it_is", "judge", "recorded_code"]


class RecordedCode(Value):
    """The code of a make as it is on record.

    Attributes
    ----------
    form
        How it was searched for.
    static, sources
        Digests of what names reach, with values that stand beside the text and without them.
    ran, values
        Functions that ran, and values that they read.
    unresolved
        Why it may not be all, in words.
    source
        Text of each piece by qualified name.
    """

    form: str
    static: str
    ran: tuple[Present, ...]
    unresolved: tuple[str, ...]
    source: Mapping[str, str]
    sources: str = ""
    values: tuple[RecordedValue, ...] = ()


class Verdict(Value):
    """What recorded code says of the rows that it made.

    Attributes
    ----------
    state, note
        Their state, and what there is to say of it.
    is_same
        Whether all that is known of the code is what it was.
    """

    state: str
    note: str = ""
    is_same: bool = False


def recorded_code(connection: Connection, schema: str, code: str) -> RecordedCode | None:
    """Return what is on record of code; it is read once, as it never changes.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> recorded_code(schema.connection, "lab", "0" * 26) is None
    True
    """
    name = TableName(schema, CODE)
    if connection.catalog.look(name) is None:
        return None
    source = connection.catalog.source(name)
    kept: RecordedCode | None = source.child((RecordedCode, code))
    if kept is not None:
        return kept
    rows = (QueryExpression._of(Query(source), connection) & {"code": code}).to_dicts()
    return source.keep((RecordedCode, code), _of_row(rows[0])) if rows else None


def _of_row(row: Mapping[str, object]) -> RecordedCode:
    kept = row["source"]
    source: dict[str, str] = dict(kept) if isinstance(kept, dict) else {}  # type: ignore[unknownArgumentType]
    ran = tuple(Present(*one) for one in json.loads(source.get(RAN, "[]")))
    unresolved = tuple(str(one) for one in _listed(row["unresolved"]))
    texts = {name: text for name, text in source.items() if not name.startswith("~")}
    code = str(row["code"])
    values = tuple(RecordedValue(*one) for one in json.loads(source.get(VALUES, "[]")))
    form, static = source.get(FORM, ""), source.get(STATIC, code)
    return RecordedCode(form, static, ran, unresolved, texts, source.get(SOURCES, ""), values)


def _listed(value: object) -> list[object]:
    told = json.loads(value) if isinstance(value, (str, bytes, bytearray)) else value
    return told if isinstance(told, list) else []  # type: ignore[unknownVariableType]


def judge(
    connection: Connection, schema: str, code: str, today: Fingerprint, module: str
) -> Verdict:  # fmt: skip
    """Return the state of rows that were made by some code.

    Parameters
    ----------
    today
        What the names of the class reach today.
    module
        That of the class.
    """
    if code == today.digest:
        return _in_part(today.unresolved)
    recorded = recorded_code(connection, schema, code)
    if recorded is None:
        return Verdict(STALE)
    if recorded.form not in (NAMES_ONLY, NAMES_AND_RAN):
        return Verdict(PARTLY, "a version that followed less of it has recorded it")
    ignored = connection.config.provenance.ignored_values
    verdicts = [_verdict(one, today, module) for one in recorded.ran]
    verdicts += [_of_value(one, module) for one in recorded.values if not is_ignored(one.label, ignored)]
    verdicts += _of_names(recorded, today, ignored)
    for state in (STALE, POSSIBLY):
        if any(one.state == state for one in verdicts):
            notes = dict.fromkeys(one.note for one in verdicts if one.state == state and one.note)
            return Verdict(state, ", ".join(notes))
    strange = [one.note for one in verdicts if one.state == PARTLY]
    found = _in_part([*recorded.unresolved, *today.unresolved, *strange])
    return replace(found, is_same=not strange)


def _of_names(recorded: RecordedCode, today: Fingerprint, ignored: Sequence[str]) -> list[Verdict]:
    """Return what has become of what names reach: its text, and the values beside it."""
    if recorded.static == today.digest:
        return []
    failed = _unread(recorded.unresolved) ^ _unread(today.unresolved)
    if failed:  # only one of them is whole, so that they cannot be compared
        return [Verdict(PARTLY, note) for note in sorted(failed)]
    if not recorded.sources or recorded.sources != today.sources:
        return [Verdict(STALE)]
    old, new = _values_in(recorded.source), _values_in(today.source)
    differing = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    counting = [name for name in differing if not is_ignored(name, [*_ends(ignored)])]
    if differing and not counting:
        return []
    return [Verdict(POSSIBLY, f"`{name}`") for name in counting] or [Verdict(POSSIBLY)]


def _unread(notes: Iterable[str]) -> frozenset[str]:
    return frozenset(note for note in notes if UNREADABLE in note)


def _ends(names: Sequence[str]) -> Iterator[str]:
    """Yield qualified names without their modules, as names that code reaches are kept."""
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[at:]) for at in range(len(parts)))


def _values_in(source: Mapping[str, str]) -> dict[str, str]:
    """Return what is kept of values in the sources of a code, by name."""
    ends = (" (changed value)", " (value)")
    return {
        name.removesuffix(end): text for name, text in source.items() for end in ends if name.endswith(end)
    }


def _of_value(one: RecordedValue, module: str) -> Verdict:
    """Return what has become of a value that functions read."""
    if one.module == MAIN != module:  # another program runs now
        return Verdict(PARTLY, f"`{one.label}` is not known here")
    found = compare_value(one)
    if found == SAME:
        return Verdict(FRESH)
    if found == UNKNOWN_HERE:
        return Verdict(PARTLY, f"`{one.label}` is not known here")
    return Verdict(POSSIBLY if found == DIFFERS else STALE, f"`{one.label}`")


def _in_part(notes: Iterable[str]) -> Verdict:
    """Return the verdict on code that is what it was, as far as it is known."""
    told = "; ".join(dict.fromkeys(notes))
    return Verdict(PARTLY if told else FRESH, told, True)


def _verdict(one: Present, today: Fingerprint, module: str) -> Verdict:
    """Return what has become of a function that ran."""
    found = compare(one)
    elsewhere = one.module == MAIN != module  # another program runs now
    if one.how == FILE and found == GONE:
        return Verdict(PARTLY, f"`{one.label}` is not here") if one.digest else Verdict(FRESH)
    if found == SAME:
        return Verdict(FRESH)
    if (found == GONE or elsewhere) and _has_moved(one, today):
        return Verdict(FRESH)
    if elsewhere or (found == GONE and one.module == MAIN and "<" in one.name):
        return Verdict(PARTLY, f"`{one.label}` is not known here")
    return Verdict(STALE, f"`{one.label}`")


def _has_moved(one: Present, today: Fingerprint) -> bool:
    """Whether a function is in another module that the make reaches."""
    return any(compare(replace(one, module=place)) == SAME for place in _modules(one, today))


def _modules(one: Present, today: Fingerprint) -> Iterator[str]:
    """Yield the modules in which names of today are that a function has, or the class that it is in."""
    first = one.name.partition(".")[0]
    for label in dict.fromkeys(today.source):
        for name in (one.name, first):
            if label.endswith(f".{name}"):
                yield label.removesuffix(f".{name}")


def code_as_it_is(recorded: RecordedCode, today: Fingerprint) -> dict[str, str]:
    """Return the present text of what is reached today, and of the functions that ran."""
    found = dict(today.source)
    for one in recorded.ran:
        text = None if one.label in found or one.how == FILE else present_text(one.module, one.name)
        if text is not None:
            found[one.label] = text
    return found

"""Recorded reads of given rows, as a query and as values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from datajoint._value import Value, replace
from datajoint.algebra.analysis.lift import Lifted, column
from datajoint.algebra.expr.expressions import Call, Literal, Name, Operator
from datajoint.algebra.expr.types import BOOL, TEXT
from datajoint.algebra.plans import nodes
from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.algebra.plans.nodes import Plan, Query
from datajoint.algebra.text.fragment import Fragment
from datajoint.engine.connection import Connection
from datajoint.engine.rows import RowDecoder
from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.names import TableName
from datajoint.journal.reads.shapes import Shape, fill
from datajoint.journal.reads.signature import Signature
from datajoint.provenance.staleness.finding import Recorded
from datajoint.sql.select import select_rows
from datajoint.sql.system_tables.reads import READS

__all__ = [
    "COLUMNS",
    "LONGEST",
    "Selected",
    "fetched",
    "has_parameters",
    "join",
    "joined_read",
    "kept_values",
    "parsed",
    "projection",
    "recorded",
    "selected_reads",
    "told_parameters",
]

COLUMNS = (
    "n", "parameters", "attributes", "row_count", "present", "unknown", "low", "high", "total", "q1", "q2",
    "more", "digest",
)  # fmt: skip


LONGEST = 2000
"""Characters of the parameters of a read that databases compare; longer ones are compared here."""

_PARAMETERS = "~parameters"


class Selected(Value):
    """Recorded reads, each with the key of its row."""

    query: Query
    key: tuple[str, ...]


def selected_reads(connection: Connection, schema: str, rows: Query, shape: Shape | None) -> Selected:
    """Return the reads of some rows of one shape; without a shape all, and rows without any."""
    source = connection.catalog.source(TableName(schema, READS))
    one = source if shape is None else nodes.Restrict(source, nodes.Equals("shape"))
    columns = ((WRITTEN, "event"), ("~r shape", "shape"), *((f"~r {name}", name) for name in COLUMNS))
    reads = projection(one, columns)
    key = rows.heading.key
    left = projection(rows.plan, (*((n, n) for n in key), *((column(n), n) for n in key), (WRITTEN, WRITTEN)))
    kind, values = ("left", rows.values) if shape is None else ("inner", (*rows.values, shape.id))
    return Selected(Query(join(left, reads, (WRITTEN,), kind), values), key)


def projection(operand: Plan, columns: Sequence[tuple[str, str]]) -> nodes.Project:
    """Return some attributes of a plan, under names of ours: ``(new name, old name)``."""
    node = nodes.Project(operand, tuple(columns))
    heading = operand.heading
    node.heading = Heading([replace(heading[old], name=new) for new, old in columns])
    return node


def join(left: Plan, right: Plan, on: tuple[str, ...], kind: str) -> nodes.Join:
    """Return the join of two plans with the attributes of both."""
    more = [a for a in right.heading.values() if a.name not in left.heading]
    return nodes.Join(left, right, on, kind, Heading([*left.heading.values(), *more]))


def fetched(connection: Connection, query: Query, names: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Yield rows with their values decoded."""
    statement = select_rows(query.plan, connection.dialect, tuple(names))
    attributes = [query.plan.heading[name] for name in names]
    decoder = RowDecoder(attributes, connection.dialect, connection.config)
    rows = connection.fetch_all(statement.text, statement.bind(query.values), decoder.core)
    yield from decoder.tuples(rows)


def told_parameters(connection: Connection, reads: Query, most: int) -> list[str]:
    """Return the different parameters, as they are stored, of reads that `selected_reads` gave; not all."""
    text = Fragment(_stored(), (), ("~r parameters",), TEXT, True, False, "~text of parameters")
    told = nodes.Project(reads.plan, ((_PARAMETERS, text),))
    told.heading = Heading([Attribute(_PARAMETERS, TEXT, in_key=True)])
    some = nodes.Top(nodes.Distinct(told, (_PARAMETERS,), told.heading), (), True, False)
    return [text for (text,) in fetched(connection, Query(some, (*reads.values, most)), (_PARAMETERS,))]


def has_parameters(text: str) -> Fragment:
    """Return the condition that the parameters of a read are stored as this text."""
    term = Operator("=", (_stored(), Literal(text, TEXT)), BOOL)
    return Fragment(term, (), ("~r parameters",), BOOL, True, False, f"~parameters {text}")


def _stored() -> Call:
    return Call("~stored", (Name("~r parameters"),), TEXT)


def kept_values(shape: Shape, lifted: Lifted, text: str) -> tuple[Any, ...]:
    """Return the values of a query that are not those of the key, from its stored parameters."""
    query = fill(shape, json.loads(text), dict.fromkeys(name for _, name in shape.lifted))
    return tuple(query.values[n] for n in lifted.kept)


def joined_read(row: Mapping[str, Any], key: tuple[str, ...], shape: Shape) -> Recorded:
    """Return a read from a row of `selected_reads`."""
    r = {name: row[f"~r {name}"] for name in COLUMNS}
    return recorded({**r, "event": row[WRITTEN]}, {name: row[name] for name in key}, shape)


def recorded(r: Mapping[str, Any], key: Mapping[str, Any], shape: Shape) -> Recorded:
    """Return a read as a row of the table of reads tells it, of a make for a key."""
    known = r["present"] - r["unknown"]
    first = Signature(r["present"], known, r["low"], r["high"], r["total"], r["q1"], r["q2"])
    more = tuple(Signature(*numbers) for numbers in parsed(r["more"]) or ())
    return Recorded(
        key, r["event"], r["n"], shape, parsed(r["parameters"]), parsed(r["attributes"]), r["row_count"],
        (first, *more), r["digest"],
    )  # fmt: skip


def parsed(value: Any) -> Any:
    """Return a JSON value of the database, decoded.

    Examples
    --------
    >>> parsed(b"[null, 1]")
    [None, 1]
    """
    return json.loads(value) if isinstance(value, (bytes, bytearray)) else value

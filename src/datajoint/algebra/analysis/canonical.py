"""Plans and values as canonical JSON, for records that must be readable in years, and back (provenance §3).

What is written is data only: names of tables and attributes, operators, conditions as parsed trees. The
headings come from the tables as they are when the plan is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from datajoint._value import Value, replace
from datajoint.algebra.expr import expressions as e
from datajoint.algebra.plans import build, nodes
from datajoint.algebra.plans.nodes import Plan
from datajoint.algebra.text.fragment import Fragment
from datajoint.errors import DataJointError
from datajoint.heading.heading import Heading
from datajoint.heading.keys import Match, join_heading, union_heading
from datajoint.heading.names import TableName
from datajoint.heading.types import AttributeType

__all__ = ["VERSION", "canonical_text", "read_plan", "read_value", "write_plan", "write_value"]

VERSION = 1

_VALUES: dict[str, type[Value]] = {
    kind.__name__: kind
    for kind in (
        e.Name, e.Literal, e.Param, e.Operator, e.Call, e.Case, e.Cast, e.Interval, e.JsonPath,
        AttributeType, Fragment, nodes.Const, nodes.Ignored, nodes.Equals, nodes.IsNull, nodes.InValues,
        nodes.Matches, nodes.Text, nodes.All, nodes.Any_, nodes.Not,
    )
}  # fmt: skip
_PLANS: dict[str, type[Plan]] = {
    kind.__name__: kind
    for kind in (
        nodes.Source, nodes.Restrict, nodes.Project, nodes.Join, nodes.Aggregate, nodes.GroupBy,
        nodes.Distinct, nodes.Union, nodes.Top,
    )
}  # fmt: skip
_TEXTS: dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    "decimal": (Decimal, str, Decimal),
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "seconds": (timedelta, lambda t: repr(t.total_seconds()), lambda text: timedelta(seconds=float(text))),
    "uuid": (UUID, str, UUID),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "float": (float, repr, float),
}

Find = Callable[[TableName], nodes.Source]

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical_text(data: Any) -> str:
    """Return JSON of which equal data have equal texts.

    Examples
    --------
    >>> canonical_text({"b": 1, "a": [None]})
    '{"a":[null],"b":1}'
    """
    return _encode(data)


def write_value(value: Any) -> Any:
    """Return a value as JSON has it; what JSON lacks becomes an object with one tagged text.

    Raises
    ------
    TypeError
        For a value that no attribute can hold.

    Examples
    --------
    >>> write_value([1, Decimal("1.50")])
    [1, {'decimal': '1.50'}]
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, (list, tuple)):
        return [write_value(item) for item in value]  # type: ignore[unknownVariableType]
    if isinstance(value, Plan):
        return write_plan(value)
    if isinstance(value, Value):
        return {"is": type(value).__name__, **_fields(value)}
    for tag, (kind, write, _) in _TEXTS.items():
        if isinstance(value, kind):
            return {tag: write(value)}
    if hasattr(value, "item"):  # a scalar of numpy
        return write_value(value.item())
    raise TypeError(f"no such value in a plan: {value!r}")


def _fields(value: Value) -> dict[str, Any]:
    defaults: dict[str, Any] = getattr(type(value), "_defaults")  # noqa: B009 - known to the metaclass only
    given = {name: getattr(value, name) for name in type(value).__match_args__}
    return {n: write_value(v) for n, v in given.items() if n not in defaults or defaults[n] != v}


def read_value(data: Any, find: Find | None = None) -> Any:
    """Return the value that `write_value` wrote; lists come back as tuples.

    Examples
    --------
    >>> read_value([1, {"decimal": "1.50"}])
    (1, Decimal('1.50'))
    """
    if isinstance(data, list):
        return tuple(read_value(item, find) for item in data)  # type: ignore[unknownVariableType]
    if not isinstance(data, dict):
        return data
    if "node" in data:
        assert find is not None  # noqa: S101 - values alone hold no plans
        return read_plan(data, find)  # type: ignore[unknownArgumentType]
    if "is" in data:
        fields = {name: read_value(item, find) for name, item in data.items() if name != "is"}  # type: ignore[unknownVariableType]
        return _VALUES[data["is"]](**fields)
    ((tag, text),) = data.items()  # type: ignore[unknownVariableType]
    return _TEXTS[tag][2](text)  # type: ignore[unknownArgumentType]


def write_plan(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON has it.

    Examples
    --------
    >>> from datajoint.heading.heading import Heading
    >>> write_plan(nodes.Source(TableName("lab", "a"), Heading([])))
    {'node': 'Source', 'table': ['lab', 'a']}
    """
    kind = type(plan)
    if isinstance(plan, nodes.Source):
        return {"node": kind.__name__, "table": [plan.name.schema, plan.name.name]}
    return {"node": kind.__name__, **{name: write_value(getattr(plan, name)) for name in kind.__slots__}}


def read_plan(data: dict[str, Any], find: Find) -> Plan:
    """Return the plan that `write_plan` wrote.

    Parameters
    ----------
    find
        Gives the plan of a table.

    Raises
    ------
    DataJointError
        When it cannot be read: a table or attribute is gone, or a newer version wrote it.
    """
    try:
        return _read_plan(data, find)
    except (KeyError, TypeError, ValueError) as error:
        raise DataJointError(f"A recorded query cannot be read: {error!r}.") from error


def _meant(left: Heading, right: Heading) -> Heading:
    """Return the heading of an operand of a union with the meaning that its attributes had when it was made.

    Old versions of rows lie in tables that declare no references, so that the lineage of their attributes is
    that of the present rows.
    """
    attributes = [
        replace(a, lineage=left[a.name].lineage, origins=left[a.name].origins)
        if a.name in left and a.lineage is None
        else a
        for a in right.values()
    ]
    return Heading(attributes, nullable_key=right.nullable_key)


def _read_plan(data: dict[str, Any], find: Find) -> Plan:
    kind = _PLANS[data["node"]]
    if kind is nodes.Source:
        return find(TableName(*data["table"]))
    given = {name: read_value(item, find) for name, item in data.items() if name != "node"}
    match kind.__name__:
        case "Project":
            return build.projected(given["operand"], given["columns"])
        case "Join":
            left, right = given["left"], given["right"]
            heading = join_heading(left.heading, right.heading, Match(given["on"], ()), given["kind"])
            return nodes.Join(left, right, given["on"], given["kind"], heading)
        case "Aggregate":
            return build.aggregated(nodes.Aggregate(**given))
        case "GroupBy":
            return build.grouped(nodes.GroupBy(**given))
        case "Distinct":
            return build.distinct(nodes.Query(given["operand"]), given["names"]).plan
        case "Union":
            left, right = given["left"], given["right"]
            meant = _meant(left.heading, right.heading)
            return nodes.Union(left, right, union_heading(left.heading, meant, "name"))
        case _:
            return kind(**given)

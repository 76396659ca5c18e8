"""Plans as JSON and back."""

import json

from hypothesis import given

from datajoint.algebra.analysis.canonical import (
    canonical_text,
    read_plan,
    read_value,
    write_plan,
    write_value,
)
from datajoint.algebra.analysis.watch import watch
from datajoint.algebra.plans.nodes import Source
from datajoint.backends.registry import get_backend
from datajoint.sql.select import select_rows
from datajoint.testing.strategies import evaluate_code, offline, programs, resolved

SPECS = resolved({
    "a": "a : int32\n---\nx=null : float64\nday=null : date\nprice=null : decimal(8,3)",
    "b": "-> A\nb : varchar(10)\n---\ny=null : int32\n-> [nullable] A.proj(other='a')",
})  # fmt: skip
TABLES = offline(SPECS)


def find(name):
    (table,) = [t for t in TABLES.values() if t.query.plan.name == name]
    assert isinstance(table.query.plan, Source)
    return table.query.plan


@given(code=programs(TABLES))
def test_a_plan_comes_back_as_the_same_query(code):
    query = evaluate_code(code, TABLES).query
    text = canonical_text(write_plan(query.plan))
    plan = read_plan(json.loads(text), find)
    assert text == canonical_text(write_plan(plan))
    assert query.heading.order == plan.heading.order
    assert query.heading.key == plan.heading.key
    for name in ("sqlite", "postgresql", "mysql"):
        dialect = get_backend(name).dialect
        assert select_rows(query.plan, dialect).text == select_rows(plan, dialect).text
        one, other = watch(query.plan), watch(plan)
        assert select_rows(one.plan, dialect).text == select_rows(other.plan, dialect).text
    values = read_value(json.loads(canonical_text(write_value(query.values))))
    assert write_value(query.values) == write_value(values)

"""Restrictions that travel along foreign keys."""

from typing import Any

import pytest

from datajoint.algebra.plans.nodes import (
    All,
    Any_,
    Condition,
    Const,
    Equals,
    IsNull,
    Matches,
    Not,
    Query,
    Restrict,
    Source,
)
from datajoint.graph.restrict import Step, cascade, combined, constrain, is_fixed, is_local, strays, trace


def condition(query: Query) -> Condition:
    assert isinstance(query.plan, Restrict)
    assert isinstance(query.plan.operand, Source)
    return query.plan.condition


def fall(pipeline: Any, own: str, part_integrity: str = "enforce", **values: Any) -> dict[str, Query]:
    steps = cascade(
        pipeline.graph, pipeline.name(own), pipeline.rows(own, **values), pipeline.source, part_integrity
    )
    return {n.class_name: query for n, query in combined(steps, pipeline.graph, pipeline.source).items()}


def test_key_condition_is_copied_under_the_childs_names(pipeline: Any) -> None:
    rows = fall(pipeline, "Subject", subject=1)
    assert Equals("subject") == condition(rows["Session"])
    assert (1,) == rows["Session.Trial"].values
    assert Any_((Equals("first"), Equals("second"))) == condition(rows["Pair"])
    assert (1, 1) == rows["Pair"].values


def test_condition_on_other_attributes_looks_at_the_parent(pipeline: Any) -> None:
    rows = fall(pipeline, "Subject", species="rat")
    found = condition(rows["Session"])
    assert isinstance(found, Matches)
    assert ("subject",) == found.on
    assert ("rat",) == rows["Session"].values


def test_whole_table_takes_all_rows_that_refer_to_something(pipeline: Any) -> None:
    assert isinstance(fall(pipeline, "Subject")["Session"].plan, Source)
    assert All((Const(value=True), Not(IsNull("rig")))) == condition(fall(pipeline, "Rig")["Session"])


def test_nullable_reference_needs_a_value(pipeline: Any) -> None:
    assert All((Equals("rig"), Not(IsNull("rig")))) == condition(fall(pipeline, "Rig", rig=3)["Session"])


def test_secondary_reference_takes_the_childs_rows_not_its_key(pipeline: Any) -> None:
    rows = fall(pipeline, "Subject", subject=1)
    assert Equals("subject") == condition(rows["Score"])
    assert not is_fixed(rows["Score"], ["score"])
    assert is_local(rows["Score"])


def test_parts_reached_through_their_master_are_not_foreign(pipeline: Any) -> None:
    steps = cascade(pipeline.graph, pipeline.name("Subject"), pipeline.rows("Subject"), pipeline.source)
    assert not any(step.foreign for step in steps)
    assert [] == strays(steps, pipeline.graph, pipeline.source)


def test_part_as_start_is_foreign_and_stray(pipeline: Any) -> None:
    start = pipeline.rows("Session.Trial", subject=1)
    steps = cascade(pipeline.graph, pipeline.name("Session.Trial"), start, pipeline.source)
    found = strays(steps, pipeline.graph, pipeline.source)
    assert ["Session.Trial", "Session.Mark"] == [part.class_name for part, _, _ in found]
    assert {"Session"} == {master.class_name for _, master, _ in found}


def test_cascade_climbs_to_the_master_through_other_parts(pipeline: Any) -> None:
    start = pipeline.rows("Session.Mark", mark=7)
    steps = cascade(pipeline.graph, pipeline.name("Session.Mark"), start, pipeline.source, "cascade")
    rows = combined(steps, pipeline.graph, pipeline.source)
    assert ["Session", "Session.Trial", "Session.Mark", "Score"] == [name.class_name for name in rows]
    assert isinstance(condition(rows[pipeline.name("Session")]), Matches)
    assert isinstance(condition(rows[pipeline.name("Session.Mark")]), Any_)


def test_unknown_part_integrity(pipeline: Any) -> None:
    with pytest.raises(ValueError, match="'enforce', 'ignore', 'cascade', not 'x'"):
        fall(pipeline, "Subject", part_integrity="x")


def test_settle_sees_references_to_the_table_itself(pipeline: Any) -> None:
    seen: dict[str, tuple[int, int]] = {}

    def settle(step: Step, own: Any, onward: Any) -> Query:
        seen[step.name.class_name] = len(own), len(onward)
        return step.query

    cascade(pipeline.graph, pipeline.name("Person"), pipeline.rows("Person"), pipeline.source, settle=settle)
    cascade(
        pipeline.graph, pipeline.name("Session"), pipeline.rows("Session"), pipeline.source, settle=settle
    )
    assert {
        "Person": (1, 0),
        "Session": (0, 1),
        "Session.Trial": (0, 2),
        "Session.Mark": (0, 0),
        "Score": (0, 0),
    } == seen


def test_trace_climbs_by_every_path(pipeline: Any) -> None:
    found = trace(pipeline.graph, pipeline.name("Pair"), pipeline.rows("Pair", first=1), pipeline.source)
    assert ["Subject", "Pair"] == [name.class_name for name in found]
    either = condition(found[pipeline.name("Subject")])
    assert isinstance(either, Any_)
    assert [("subject",), ("subject",)] == [term.on for term in either.terms if isinstance(term, Matches)]
    assert (1, 1) == found[pipeline.name("Subject")].values


def test_trace_reaches_ancestors_of_ancestors(pipeline: Any) -> None:
    found = trace(pipeline.graph, pipeline.name("Score"), pipeline.rows("Score", score=5), pipeline.source)
    assert {"Subject", "Rig", "Session", "Session.Trial", "Score"} == {name.class_name for name in found}


def test_constrain_combines_several_parents_by_and(pipeline: Any) -> None:
    names = [pipeline.name(own) for own in ("Subject", "Rig", "Session")]
    before = {name: Query(pipeline.source(name)) for name in names}
    rows = constrain(pipeline.graph, names[0], pipeline.rows("Subject", subject=1), before, pipeline.source)
    rows = constrain(pipeline.graph, names[1], pipeline.rows("Rig", rig=2), rows, pipeline.source)
    both = condition(rows[names[2]])
    assert All((Equals("subject"), Equals("rig"), Not(IsNull("rig")))) == both
    assert (1, 2) == rows[names[2]].values


def test_constrain_combines_several_keys_to_one_parent_by_or(pipeline: Any) -> None:
    names = [pipeline.name(own) for own in ("Subject", "Pair")]
    before = {name: Query(pipeline.source(name)) for name in names}
    rows = constrain(pipeline.graph, names[0], pipeline.rows("Subject", subject=1), before, pipeline.source)
    assert Any_((Equals("first"), Equals("second"))) == condition(rows[names[1]])


@pytest.mark.parametrize(("values", "expected"), [({"subject": 1}, True), ({"species": "rat"}, False)])
def test_rows_are_fixed_by_their_key(pipeline: Any, values: dict[str, Any], expected: bool) -> None:
    assert expected == is_fixed(pipeline.rows("Subject", **values), ["subject"])

"""The exercises of the course: what each asks for, and how an answer is checked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from datajoint._value import Value
from datajoint.cli.targets import Pipeline
from datajoint.errors import DataJointError, nearest
from datajoint.heading.core_types import KINDS
from datajoint.table.table import Table

__all__ = ["EXERCISES", "Exercise", "check"]

_NUMBERS = ("int", "decimal", "float")


class Exercise(Value):
    """An exercise of the course.

    Attributes
    ----------
    title
        What it is about.
    steps
        What must hold, with a function that returns what is missing, or "" where nothing is. They are
        asked in their order, up to the first that misses something.
    """

    title: str
    steps: tuple[tuple[str, Callable[[Pipeline], str]], ...]


def check(exercise: Exercise, pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Yield each step with what is missing; the first that misses something is the last.

    Examples
    --------
    >>> exercise = Exercise("Count", (("one", lambda _: ""), ("two", lambda _: "No."), ("three", str)))
    >>> list(check(exercise, None))
    [('one', ''), ('two', 'No.')]
    """
    for step, missing in exercise.steps:
        try:
            found = missing(pipeline)
        except DataJointError as error:
            found = f"It could not be checked: {error}"
        yield step, found
        if found:
            return


def _table(pipeline: Pipeline, name: str) -> Table:
    return next(table for table in pipeline.tables if table.class_name == name)


def _exists(name: str, tier: str) -> Callable[[Pipeline], str]:
    def missing(pipeline: Pipeline) -> str:
        names = [table.class_name for table in pipeline.tables]
        if name not in names:
            hint = nearest(name, names) or f"It has {_listed(names)}."
            return f"Your module declares no table `{name}`. {hint}"
        found = _table(pipeline, name).name.tier
        return "" if found == tier else f"`{name}` is a {found} table; it should be a {tier} one."

    return missing


def _key(name: str, *wanted: str) -> Callable[[Pipeline], str]:
    def missing(pipeline: Pipeline) -> str:
        found = list(_table(pipeline, name).primary_key)
        if found == list(wanted):
            return ""
        return (
            f"The key of `{name}` is {_listed(found) or 'empty'}; it should be {_listed(wanted)}. "
            "Above the line --- stands what makes a row the only one of its kind."
        )

    return missing


def _attribute(
    name: str, attribute: str, families: Sequence[str], what: str, null: bool | None = None
) -> Any:
    def missing(pipeline: Pipeline) -> str:
        heading = _table(pipeline, name).heading
        if attribute not in heading:
            return f"`{name}` has no attribute `{attribute}`; it has {_listed(heading.names)}."
        found = heading[attribute]
        if found.dtype.kind not in KINDS or KINDS[found.dtype.kind].family not in families:
            return f"`{attribute}` is declared as {found.type}; it should be {what}."
        if null is not None and found.nullable != null:
            return (
                f"No row may lack `{attribute}`, as it is declared; write `{attribute} = null : …`."
                if null
                else f"Rows may lack `{attribute}`, as it is declared; leave out `= null`."
            )
        return ""

    return missing


def _rows(name: str, least: int) -> Callable[[Pipeline], str]:
    def missing(pipeline: Pipeline) -> str:
        found = len(_table(pipeline, name))
        return "" if found >= least else f"`{name}` has {found} rows; insert at least {least}."

    return missing


def _refers(name: str, parent: str) -> Callable[[Pipeline], str]:
    def missing(pipeline: Pipeline) -> str:
        parents = [str(one) for one in _table(pipeline, name).parents()]
        wanted = str(_table(pipeline, parent).full_table_name)
        return (
            ""
            if wanted in parents
            else f"`{name}` does not refer to `{parent}`; write the line `-> {parent}`."
        )

    return missing


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# ------------------------------------------------------------------------------------------------ 1, 2, 3


def _a_missing_note(pipeline: Pipeline) -> str:
    rows = _table(pipeline, "Diary") & "note IS NULL"
    return "" if rows else "Every day in `Diary` has a note; insert one without, too."


def _nothing_twice(pipeline: Pipeline) -> str:
    patient, visit = _table(pipeline, "Patient").heading, _table(pipeline, "Visit").heading
    twice = [name for name in visit.names if name in patient and name not in patient.primary_key]
    return f"{_listed(twice)} belongs to the patient, and is in `Patient` already." if twice else ""


def _a_second_visit(pipeline: Pipeline) -> str:
    patients = list(_table(pipeline, "Visit").to_arrays("patient"))
    if len(set(patients)) < 2:
        return "All visits are of one patient; insert those of another, too."
    return (
        "" if len(patients) > len(set(patients)) else "No patient came twice; insert a second visit of one."
    )


def _may_lack_nurse(pipeline: Pipeline) -> str:
    heading = _table(pipeline, "Watch").heading
    if "nurse" in heading.primary_key:
        return "`nurse` is in the key of `Watch`; write the reference to `Nurse` below the line ---."
    return (
        ""
        if heading["nurse"].nullable
        else "Every row of `Watch` must have a nurse, as it is declared; write `-> [nullable] Nurse`."
    )


def _both_kinds_of_nights(pipeline: Pipeline) -> str:
    watch = _table(pipeline, "Watch")
    if not watch & "nurse IS NULL":
        return "Every row of `Watch` has a nurse; insert one without."
    return "" if watch & "nurse IS NOT NULL" else "No row of `Watch` has a nurse; insert one that has."


# ------------------------------------------------------------------------------------------------------ 4


def _answer(name: str, wanted: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Any:
    def missing(pipeline: Pipeline) -> str:
        query = getattr(pipeline.module, name, None)
        if query is None:
            return f"There is no `{name}` in {_file(pipeline)}; write `{name} = …`."
        if not hasattr(query, "to_dicts"):
            return f"`{name}` is a {type(query).__name__}; it should be a query, without fetching its rows."
        right = wanted(_table(pipeline, "Sleep").to_dicts())
        return _compared(name, query.to_dicts(), right)

    return missing


def _compared(name: str, found: list[dict[str, Any]], right: list[dict[str, Any]]) -> str:
    names = list(right[0])
    if found and set(found[0]) != set(names):
        return f"`{name}` has the attributes {_listed(list(found[0]))}; it should have {_listed(names)}."
    less = [row for row in right if row not in found]
    more = [row for row in found if row not in right]
    if not less and not more:
        return ""
    said = (
        [f"has {len(found)} rows, and should have {len(right)}"]
        if len(found) != len(right)
        else ["has other rows"]
    )
    said += [f"lacks {_row(less[0])}"] if less else []
    said += [f"should not have {_row(more[0])}"] if more else []
    return f"`{name}` " + "; it ".join(said) + "."


def _row(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())


def _file(pipeline: Pipeline) -> str:
    module: Any = sys.modules.get(pipeline.module.__name__) if pipeline.module else None
    return f"{module.__name__}.py" if module else "your module"


def _gains(rows: list[dict[str, Any]]) -> dict[int, list[Any]]:
    gains: dict[int, list[Any]] = {}
    for row in rows:
        gains.setdefault(row["patient"], []).append(row["extra"])
    return gains


def _poor(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["extra"] < 0]


def _unharmed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"patient": patient} for patient, gains in _gains(rows).items() if min(gains) >= 0]


def _best(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"patient": patient, "best": max(gains)} for patient, gains in _gains(rows).items()]


# --------------------------------------------------------------------------------------------------- 5, 6


def _spans(pipeline: Pipeline) -> str:
    rows = _table(pipeline, "Sleep").to_dicts()
    by_drug: dict[str, list[Any]] = {}
    for row in rows:
        by_drug.setdefault(row["drug"], []).append(row["extra"])
    spans = {row["drug"]: row for row in _table(pipeline, "Span").to_dicts()}
    if left := [drug for drug in by_drug if drug not in spans]:
        return f"`Span` lacks a row for the drug {left[0]}; call `Span.populate()`."
    for drug, gains in by_drug.items():
        for name, right in (("lowest", min(gains)), ("highest", max(gains))):
            if abs(float(spans[drug][name]) - float(right)) > 1e-6:
                return f"`{name}` of the drug {drug} is {spans[drug][name]}; it should be {right}."
    return ""


def _corrected(pipeline: Pipeline) -> str:
    found: Any = _table(pipeline, "Sleep")
    wanted = found & {"patient": 7, "drug": "dextro"}
    gain = wanted.fetch1("extra") if len(wanted) == 1 else None
    return (
        ""
        if str(gain) == "3.6"
        else f"Patient 7 gained {gain} hours by the dextro form; the nurse's book says 3.6."
    )


def _fresh(pipeline: Pipeline) -> str:
    for table in pipeline.tables:
        if table.name.tier in ("computed", "imported"):
            found: Any = table
            if stale := found.stale():
                return (
                    f"{len(stale)} rows of `{table.class_name}` are stale; "
                    f"`dj why` says why, `dj populate --stale` makes them again."
                )
    return ""


EXERCISES = {
    1: Exercise("A diary", (
        ("a manual table `Diary`", _exists("Diary", "manual")),
        ("one row a day", _key("Diary", "day")),
        ("the day is a date", _attribute("Diary", "day", ("date",), "a date")),
        ("the hours are a number that no row lacks",
         _attribute("Diary", "hours", _NUMBERS, "a number, such as decimal(3,1)", null=False)),
        ("a note may be missing",
         _attribute("Diary", "note", ("text",), "a text, such as varchar(200)", null=True)),
        ("two days or more", _rows("Diary", 2)),
        ("a day without a note", _a_missing_note),
    )),
    2: Exercise("Visits", (
        ("a manual table `Visit`", _exists("Visit", "manual")),
        ("it refers to `Patient`", _refers("Visit", "Patient")),
        ("a patient may come more than once", _key("Visit", "patient", "visit")),
        ("when it was", _attribute("Visit", "day", ("date",), "a date")),
        ("nothing is said twice", _nothing_twice),
        ("three visits or more", _rows("Visit", 3)),
        ("two patients, one of them twice", _a_second_visit),
    )),
    3: Exercise("Who watched", (
        ("a manual table `Nurse`", _exists("Nurse", "manual")),
        ("its key is `nurse`", _key("Nurse", "nurse")),
        ("a manual table `Watch`", _exists("Watch", "manual")),
        ("it refers to `Sleep`", _refers("Watch", "Sleep")),
        ("it refers to `Nurse`", _refers("Watch", "Nurse")),
        ("one row for each row of `Sleep`", _key("Watch", "patient", "drug")),
        ("the nurse may be missing", _may_lack_nurse),
        ("a night with a nurse, and one without", _both_kinds_of_nights),
    )),
    4: Exercise("Three questions", (
        ("`poor`: the rows of `Sleep` where sleep was lost", _answer("poor", _poor)),
        ("`unharmed`: the patients who never lost sleep", _answer("unharmed", _unharmed)),
        ("`best`: the greatest gain of each patient", _answer("best", _best)),
    )),
    5: Exercise("From the worst to the best", (
        ("a computed table `Span`", _exists("Span", "computed")),
        ("one row for each drug", _key("Span", "drug")),
        ("it refers to `Drug`", _refers("Span", "Drug")),
        ("`lowest` is a number", _attribute("Span", "lowest", _NUMBERS, "a number")),
        ("`highest` is a number", _attribute("Span", "highest", _NUMBERS, "a number")),
        ("its rows are right", _spans),
    )),
    6: Exercise("A correction", (
        ("the measurement is corrected", _corrected),
        ("nothing is stale", _fresh),
    )),
}  # fmt: skip
"""Exercises by the number of their page."""

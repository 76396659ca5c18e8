"""The exercises of the course: what each asks for, and how an answer is checked."""

from __future__ import annotations

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
            hint = nearest(name, names) or f"It has {_listed(sorted(names))}."
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


def _below(name: str, parent: str, attribute: str, null: bool) -> Callable[[Pipeline], str]:
    """An arrow below the line, whose attribute has a name of its own, and may be missing or not."""

    def missing(pipeline: Pipeline) -> str:
        table, target = _table(pipeline, name), _table(pipeline, parent)
        [key] = target.primary_key
        arrow = f"-> {'[nullable] ' * null}{parent}" + f'.proj({attribute}="{key}")' * (attribute != key)
        if str(target.full_table_name) not in [str(one) for one in table.parents()]:
            return f"`{name}` does not refer to `{parent}`; write the line `{arrow}`."
        if attribute not in table.heading:
            return f"`{name}` has no attribute `{attribute}`; write the line `{arrow}`."
        found = table.heading[attribute]
        if found.in_key:
            return f"`{attribute}` is part of the key of `{name}`; move the arrow below the line ---."
        if found.nullable != null:
            return f"`{attribute}` must {'not ' * (not null)}be allowed to be missing; write `{arrow}`."
        return ""

    return missing


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _a_missing_note(pipeline: Pipeline) -> str:
    rows = _table(pipeline, "Diary") & "note IS NULL"
    return "" if rows else "Every day in `Diary` has a note; insert one without, too."


def _unprepared(pipeline: Pipeline) -> str:
    rows = _table(pipeline, "Prescription")
    if not rows & "prepared_by IS NULL":
        return "A nurse prepared every prescription; insert one without."
    return "" if rows - "prepared_by IS NULL" else "No nurse prepared any prescription; insert one with."


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


EXERCISES = {
    1: Exercise(
        "A diary",
        (
            ("a manual table `Diary`", _exists("Diary", "manual")),
            ("one row a day", _key("Diary", "day")),
            ("the day is a date", _attribute("Diary", "day", ("date",), "a date")),
            (
                "the hours are a number that no row lacks",
                _attribute("Diary", "hours", _NUMBERS, "a number, such as decimal(3,1)", null=False),
            ),
            (
                "a note may be missing",
                _attribute("Diary", "note", ("text",), "a text, such as varchar(200)", null=True),
            ),
            ("two days or more", _rows("Diary", 2)),
            ("a day without a note", _a_missing_note),
        ),
    ),
    2: Exercise(
        "Visits",
        (
            ("a manual table `Visit`", _exists("Visit", "manual")),
            ("it refers to `Patient`", _refers("Visit", "Patient")),
            ("a patient may come more than once", _key("Visit", "patient", "visit")),
            ("when it was", _attribute("Visit", "day", ("date",), "a date")),
            ("nothing is said twice", _nothing_twice),
            ("three visits or more", _rows("Visit", 3)),
            ("two patients, one of them twice", _a_second_visit),
        ),
    ),
    3: Exercise(
        "Prescriptions",
        (
            ("a manual table `Prescription`", _exists("Prescription", "manual")),
            ("it refers to `Visit`", _refers("Prescription", "Visit")),
            ("one for each visit at most", _key("Prescription", "patient", "visit")),
            ("it is for a drug", _below("Prescription", "Drug", "drug", null=False)),
            ("a nurse may have prepared it", _below("Prescription", "Nurse", "prepared_by", null=True)),
            ("two prescriptions or more", _rows("Prescription", 2)),
            ("one with a nurse, one without", _unprepared),
        ),
    ),
}

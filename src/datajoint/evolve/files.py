"""Plans as JSON, to be read by people and programs, kept in a file and carried out later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from datajoint.errors import DataJointError
from datajoint.evolve.plan import Plan, Step
from datajoint.heading.names import TableName

__all__ = ["as_json", "read_plan", "write_plan"]

_FORMAT, _VERSION = "datajoint-plan", 1
_LISTS = ("changes", "readers", "loses")
_PLAIN = ("kind", "found", "wanted", "rows", "size", "copies", "lock", "problem", "hint")


def as_json(plan: Plan, targets: Sequence[str]) -> dict[str, Any]:
    """Return a plan in the form of its file.

    Parameters
    ----------
    targets
        Modules whose classes were compared.

    Examples
    --------
    >>> as_json(Plan(()), ["lab"])
    {'format': 'datajoint-plan', 'version': 1, 'targets': ['lab'], 'steps': []}
    """
    steps = [
        {
            "table": str(step.table),
            **{name: getattr(step, name) for name in _PLAIN},
            **{name: [*getattr(step, name)] for name in _LISTS},
        }
        for step in plan.steps
    ]
    return {"format": _FORMAT, "version": _VERSION, "targets": [*targets], "steps": steps}


def write_plan(path: str | Path, plan: Plan, targets: Sequence[str]) -> None:
    """Write a plan to a file; see `as_json`."""
    text = json.dumps(as_json(plan, targets), indent=2, ensure_ascii=False)
    Path(path).write_text(f"{text}\n", encoding="utf-8")


def read_plan(path: str | Path) -> tuple[Plan, list[str]]:
    """Return the plan of a file and its targets.

    Raises
    ------
    DataJointError
        When the file is no plan, or one of a later release.
    """
    try:
        held: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataJointError(f"{path} cannot be read as a plan: {error}.") from None
    if not isinstance(held, dict) or (found := cast("dict[str, Any]", held)).get("format") != _FORMAT:
        raise DataJointError(f"{path} is not a plan.", hint="`dj plan MODULE -o FILE` writes one.")
    if found.get("version") != _VERSION:
        raise DataJointError(
            f"{path} is a plan of version {found.get('version')}; this release reads version {_VERSION}.",
            hint="Make the plan with the release that carries it out.",
        )
    try:
        steps = tuple(map(_step, found["steps"]))
        targets = [str(target) for target in found["targets"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataJointError(f"{path} is a damaged plan: {error!r}.", hint="Make a new plan.") from None
    return Plan(steps), targets


def _step(held: Mapping[str, Any]) -> Step:
    schema, _, name = held["table"].partition(".")
    kept: dict[str, Any] = {one: held[one] for one in _PLAIN}
    kept |= {one: tuple(map(str, held[one])) for one in _LISTS}
    return Step(table=TableName(schema, name), **kept)

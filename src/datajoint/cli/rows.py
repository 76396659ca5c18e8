"""Rows that are named on the command line: a table, and values of attributes or a JSON object."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from datajoint.cli import options
from datajoint.cli.targets import find_table
from datajoint.errors import DataJointError, UnknownAttributeError, nearest
from datajoint.table.table import Table

__all__ = ["arguments", "chosen", "read", "style"]

_JOINED = re.compile(r",\s*\w+=")

F = TypeVar("F", bound=Callable[..., Any])

_STYLES: dict[str, dict[str, Any]] = {
    "table": {"bold": True}, "detail": {"dim": True}, "line": {"dim": True}, "warning": {"fg": "yellow"},
    "good": {"fg": "green"}, "bad": {"fg": "red"},
}  # fmt: skip


def arguments(command: F) -> F:
    """Add the arguments that name rows, and ``--schema``."""
    for option in (
        click.argument("key", nargs=-1, metavar="[NAME=VALUE]…"),
        click.argument("table"),
        click.option("--schema", "schemas", metavar="NAME", multiple=True,
                     help="Where to look for the table."),
    ):  # fmt: skip
        command = option(command)
    return command


def chosen(name: str, key: Sequence[str], schemas: Sequence[str]) -> Table:
    """Return the rows that are meant.

    Raises
    ------
    UnknownAttributeError
        When the table has no such attribute.
    DataJointError
        When there are no such rows.
    """
    table, wanted = find_table(name, schemas), read(key)
    if unknown := [one for one in wanted if one not in table.heading]:
        names = list(table.heading.names)
        raise UnknownAttributeError(
            f"`{table.class_name}` has no attribute `{unknown[0]}`.",
            hint=nearest(unknown[0], names) or f"It has {', '.join(names)}.",
        )
    try:
        rows = table & wanted if wanted else table
        empty = not rows
    except DataJointError as error:
        raise _explained(error, wanted) from None
    if empty:
        told = ", ".join(f"{name}={value}" for name, value in wanted.items())
        error = DataJointError(f"`{table.class_name}` has no row{f' with {told}' if told else ''}.")
        raise _explained(error, wanted)
    return rows


def _explained(error: DataJointError, wanted: dict[str, Any]) -> DataJointError:
    """Say that values were joined by a comma, where they seem to be."""
    if any(_JOINED.search(str(value)) for value in wanted.values()):
        error.suggest("Separate the values of several attributes by spaces: subject=m1 session=1.")
    return error


def read(key: Sequence[str]) -> dict[str, Any]:
    """Read a key: ``name=value`` …, or a JSON object.

    Examples
    --------
    >>> read(["subject=1", "day=2026-01-02"]), read(['{"subject": 1}'])
    ({'subject': '1', 'day': '2026-01-02'}, {'subject': 1})
    """
    text = " ".join(key).strip()  # as it is where a shell took it apart
    return options.read_key([text] if text.startswith("{") else key)


def style(text: str, kind: str) -> str:
    """Return a text in the style of what it is.

    Examples
    --------
    >>> style("read", "key")
    'read'
    """
    return click.style(text, **_STYLES[kind]) if kind in _STYLES and text else text

"""Fast path for single rows whose values need no encoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datajoint.heading.plain import plain_test
from datajoint.table.rows.encode import Batch
from datajoint.table.rows.layout import Layout
from datajoint.table.rows.row_checks import Checked

__all__ = ["plain_row"]

_ONLY = (None,)
"""Number of the only row."""


class _Fields:
    """The fields of a row, all of them attributes without codec.

    Attributes
    ----------
    tests
        Say of each value whether it can be taken as it is.
    whole
        Whether they are enough for a row.
    """

    __slots__ = ("columns", "converted", "names", "tests", "whole")

    def __init__(self, layout: Layout, names: tuple[str, ...], tests: list[Callable[[Any], bool]]) -> None:
        given = set(names)
        self.names = names
        self.columns = layout.columns(names)
        self.tests = tests
        encoders = [layout.encoding(name).to_driver for name in names]
        self.converted = [(n, convert) for n, convert in enumerate(encoders) if convert is not None]
        halves = any(given.intersection(group) not in (set(), set(group)) for group in layout.references)
        self.whole = layout.required <= given and not halves


def plain_row(layout: Layout, row: Mapping[str, Any], whole: bool = True) -> Batch | None:
    """Return a row ready to be sent; None where it wants a closer look.

    Parameters
    ----------
    whole
        Whether it is to be a new row, not a part of one.

    Examples
    --------
    >>> import datajoint as dj
    >>> from datajoint.table.rows.layout import layout_of
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int8"
    >>> layout = layout_of(schema.connection, Subject.name)
    >>> plain_row(layout, {"subject_id": 7}).parts
    (((7,),),)
    >>> plain_row(layout, {"subject_id": "7"})
    """
    names = tuple(row)
    fields: _Fields | None = layout.known.get(names)
    if fields is None:
        fields = _fields(layout, names)
        if fields is None:
            return None
    if whole and not fields.whole:
        return None
    values = tuple(row.values())
    for test, value in zip(fields.tests, values, strict=True):
        if not test(value):
            return None
    checked = columns = tuple([(value,) for value in values])
    if fields.converted:
        encoded = list(columns)
        for n, convert in fields.converted:
            encoded[n] = (convert(values[n]),)
        columns = tuple(encoded)
    return Batch(fields.columns, 1, (columns,), (Checked(_ONLY, names, checked),))


def _fields(layout: Layout, names: tuple[str, ...]) -> _Fields | None:
    heading = layout.heading
    tests = [plain_test(heading[name].dtype) if name in heading else None for name in names]
    present = [test for test in tests if test is not None]
    if len(present) < len(names) or not names:
        return None
    return layout.know(names, _Fields(layout, names, present))

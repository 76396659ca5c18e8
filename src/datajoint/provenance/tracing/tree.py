"""A lineage as a tree of lines, and as a list for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datajoint._printed import escape
from datajoint.heading.values import key_text
from datajoint.provenance.tracing.writers import time_text

if TYPE_CHECKING:
    from datajoint.provenance.tracing.rows import Rows
    from datajoint.provenance.tracing.writers import Writer

__all__ = ["STYLES", "Style", "as_html", "as_text", "plain", "rows_text"]

Style = Callable[[str, str], str]
"""Takes a text and what it is: one of `STYLES`."""

STYLES = ("table", "key", "detail", "warning", "line")
_MOST_WHAT = 6
_MOST_WRITERS = 3


def plain(text: str, kind: str) -> str:
    """Return a text as it is.

    Examples
    --------
    >>> plain("Fit", "table")
    'Fit'
    """
    return text


def as_text(rows: Sequence[Rows], downstream: Sequence[Rows], style: Style = plain) -> str:
    """Return a lineage as a tree: rows, and under them those that they come from."""
    if not rows:
        return "no such rows"
    lines: list[str] = []
    for wanted in rows:
        lines += [*_lines(wanted, "", "", style), ""]
    if downstream:
        lines.append(style("used by", "detail"))
        for n, used in enumerate(downstream):
            lines += _branch(used, "", n == len(downstream) - 1, style)
    return "\n".join(lines).rstrip()


def _lines(rows: Rows, first: str, rest: str, style: Style) -> Iterator[str]:
    yield f"{first}{_head(rows, style)}"
    bar = style("│ ", "line") if rows.sources else "  "
    for detail, kind in _details(rows):
        yield f"{rest}{bar}{style(detail, kind)}"
    for n, source in enumerate(rows.sources):
        yield from _branch(source, rest, n == len(rows.sources) - 1, style)


def _branch(rows: Rows, rest: str, last: bool, style: Style) -> Iterator[str]:
    joint, line = ("└─ ", "   ") if last else ("├─ ", "│  ")
    yield from _lines(rows, rest + style(joint, "line"), rest + style(line, "line"), style)


def _head(rows: Rows, style: Style) -> str:
    nothing = rows.count == 0 and rows.link == "referenced"
    parts = [style(rows.name, "table"), style("none" if nothing else rows_text(rows), "key")]
    if rows.what:
        shown = ", ".join(rows.what[:_MOST_WHAT]) + (" …" if len(rows.what) > _MOST_WHAT else "")
        parts.append(style(f"read: {shown}", "detail"))
    elif rows.link in ("referenced", "master", "written by"):
        by = f" by {', '.join(rows.by)}" if rows.by else ""
        parts.append(style(f"{rows.link}{by}", "detail"))
    if rows.changed:
        parts.append(style("changed since", "warning"))
    if rows.above:
        parts.append(style("see above", "detail"))
    return "  ".join(part for part in parts if part)


def _details(rows: Rows) -> Iterator[tuple[str, str]]:
    """Yield who wrote rows, and what else there is to say of them."""
    if rows.above:
        return
    for group in list(_alike(rows.writers).values())[:_MOST_WRITERS]:
        yield _done(group), "detail"
        if group[0].ran:
            yield f"  {group[0].ran}", "detail"
    if len(_alike(rows.writers)) > _MOST_WRITERS:
        yield "and by others", "detail"
    if rows.confirmed is not None:
        yield rows.confirmed.done, "detail"
        if rows.confirmed.ran:
            yield f"  {rows.confirmed.ran}", "detail"
    if rows.unknown:
        whose = "" if rows.unknown == rows.count else f" of {rows.unknown} of them"
        yield f"origin unknown{whose}: another program wrote {'it' if rows.count == 1 else 'them'}", "warning"
    for note in rows.notes:
        yield f"it read {note}", "warning"
    if rows.cut:
        yield "…", "detail"


def _alike(writers: Sequence[Writer]) -> dict[Any, list[Writer]]:
    """Return events together that differ in nothing but time."""
    found: dict[Any, list[Writer]] = {}
    for writer in sorted(writers, key=lambda writer: writer.finished):
        found.setdefault((writer.deed, writer.who, writer.ran), []).append(writer)
    return found


def _done(group: Sequence[Writer]) -> str:
    first, last = time_text(group[0].finished), time_text(group[-1].finished)
    when = first if first == last else f"{first} to {last}"
    return f"{group[0].deed} {when} by {group[0].who}"


def rows_text(rows: Rows) -> str:
    """Return which rows these are.

    Examples
    --------
    >>> from datajoint.provenance.tracing.rows import Rows
    >>> rows_text(Rows("lab.trial", "Trial", "manual", 9, ({"trial": 1}, {"trial": 2})))
    '9 rows: trial=1, trial=2 …'
    """
    keys = [key_text(key) for key in _shortened(rows.keys) if key]
    if rows.count == 1 and keys:
        return keys[0]
    count = "rows" if rows.count is None else f"{rows.count} row{'s' * (rows.count != 1)}"
    more = " …" if rows.count is not None and len(keys) < rows.count else ""
    return f"{count}: {', '.join(keys)}{more}" if keys else count


def _shortened(keys: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield keys without what is as in the one before."""
    before: Mapping[str, Any] = {}
    for key in keys:
        yield {name: value for name, value in key.items() if name not in before or before[name] != value}
        before = key


def as_html(rows: Sequence[Rows], downstream: Sequence[Rows]) -> str:
    """Return a lineage as nested lists, for notebooks."""

    def item(rows: Rows) -> str:
        details = "".join(f"<br><small>{escape(text)}</small>" for text, _ in _details(rows))
        head = escape(_head(rows, plain))
        head = head.replace(escape(rows.name), f"<b>{escape(rows.name)}</b>", 1)
        inner = "".join(map(item, rows.sources))
        return f"<li>{head}{details}{f'<ul>{inner}</ul>' if inner else ''}</li>"

    below = f"<p>used by</p><ul>{''.join(map(item, downstream))}</ul>" if downstream else ""
    listed = f"<ul>{''.join(map(item, rows))}</ul>" if rows else "<p>no such rows</p>"
    return f'<div class="dj-lineage">{listed}{below}</div>'

"""Expressions as text and as HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from datajoint._printed import cell, escape, printable
from datajoint.algebra.plans import build
from datajoint.errors import StatementTimeoutError
from datajoint.heading.heading import Heading
from datajoint.query import fetch

if TYPE_CHECKING:
    from datajoint.query.base import Queried

__all__ = ["as_html", "as_text", "html_table"]

T = TypeVar("T")


class _Preview:
    """The first rows of an expression in key order, objects left out, and how many there are."""

    def __init__(self, expression: Queried, limit: int | None, width: int | None) -> None:
        display = expression.connection.config.display
        self.heading: Heading = expression.heading
        self.width: int = display.width if width is None else width
        limit = int(display.limit if limit is None else limit)
        query = expression.query
        shown = [a.name for a in self.heading.values() if not a.is_blob]
        query = build.top(query, None, limit + 1, 0)
        self._connection = expression.connection
        self._notes: list[str] = []
        found = self._in_time(
            "no rows are shown", fetch.dicts, build.project(query, tuple(shown), {}), self._connection
        )
        rows = found or []
        self.more = len(rows) > limit
        self.rows = [[self.cell(row, name) for name in self.heading.order] for row in rows[:limit]]
        if display.show_tuple_count and found is not None:
            total = (
                self._in_time("the rows are not counted", self._count, expression) if self.more else len(rows)
            )
            self._notes[:0] = [] if total is None else [f"Total: {total}"]
        self._notes += filter(
            None, [self._in_time("what is known of the rows is left out", expression._remark)]
        )

    @property
    def foot(self) -> str:
        """What stands below: how many rows there are, and what else is known of them."""
        return ", ".join(self._notes)

    def _count(self, expression: Queried) -> int:
        return fetch.count(expression.query, self._connection)

    def _in_time(self, without: str, ask: Callable[..., T], *arguments: Any) -> T | None:
        """Return an answer; where the time limit ends it, note what is missing and return None."""
        connection = self._connection
        inside = connection.in_transaction and connection.config.database.statement_timeout
        try:
            with (
                connection.savepoint() if inside else nullcontext()
            ):  # an error ends a transaction of PostgreSQL
                return ask(*arguments)
        except StatementTimeoutError as error:
            self._notes.append(f"{without}: {error.message[:1].lower()}{error.message[1:].removesuffix('.')}")
            return None

    def cell(self, row: dict[str, Any], name: str) -> str:
        if name in row:
            value = row[name]
            return "NULL" if value is None else cell(str(value))
        attribute = self.heading[name]
        return attribute.type if attribute.codec else "=BLOB="


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 2, 0)] + ".."


def as_text(expression: Queried, limit: int | None = None, width: int | None = None) -> str:
    """Return the text table of an expression (FET-13)."""
    preview = _Preview(expression, limit, width)
    heading = preview.heading
    titles = [cell("*" + name if name in heading.key else name) for name in heading.order]
    table = [titles, *preview.rows]
    widths = [
        max(len(titles[n]), *(min(len(row[n]), preview.width) for row in table)) for n in range(len(titles))
    ]  # a title is never cut: it is what one types next

    def line(cells: Sequence[str]) -> str:
        return " ".join(_clip(cell, w).ljust(w) for cell, w in zip(cells, widths, strict=True)).rstrip()

    rule = " ".join("+" + "-" * (w - 2) + "+" if w > 1 else "+" for w in widths)
    lines = [line(titles), rule, *(line(row) for row in preview.rows)]
    lines += ["   ..."] if preview.more else []
    foot = preview.foot
    lines += [f" ({printable(foot)})"] if foot else []
    comment = [f"# {cell(heading.comment)}"] if heading.comment else []
    return "\n".join([*comment, *lines]) + "\n"


_STYLE = """<style>
.dj-table{border-collapse:collapse;font-size:13px;margin:4px 0}
.dj-table th,.dj-table td{padding:3px 9px;text-align:left;border-bottom:1px solid rgba(128,128,128,.25)}
.dj-table th{border-bottom:2px solid rgba(128,128,128,.6);font-weight:500}
.dj-table th.dj-key{font-weight:700;text-decoration:underline;text-underline-offset:3px}
.dj-table td.dj-null,.dj-table td.dj-object{opacity:.55;font-style:italic}
.dj-table tbody tr:hover{background:rgba(128,128,128,.12)}
.dj-note{font-size:12px;opacity:.7;margin:2px 0}
</style>"""


def as_html(expression: Queried) -> str:
    """Return the HTML table of an expression, for notebooks (FET-14)."""
    preview = _Preview(expression, None, 10**6)
    heading = preview.heading
    head = "".join(
        f'<th class="{"dj-key" if name in heading.key else "dj-attribute"}" '
        f'title="{escape(f"{heading[name].type}  {heading[name].comment}".strip())}">{escape(name)}</th>'
        for name in heading.order
    )
    body = "".join(
        "<tr>"
        + "".join(_cell(heading, name, cell) for name, cell in zip(heading.order, row, strict=True))
        + "</tr>"
        for row in preview.rows
    )
    above = [heading.comment] if heading.comment else []
    below = [*(["…"] if preview.more else []), *([preview.foot] if preview.foot else [])]
    return html_table(head, body, above, below)


def html_table(head: str, body: str, above: Sequence[str] = (), below: Sequence[str] = ()) -> str:
    """Return a table in the style of all that notebooks show of ours, with lines of text around it.

    Examples
    --------
    >>> html_table("<th>a</th>", "<tr><td>1</td></tr>", ["one & only"]).count("one &amp; only")
    1
    """
    notes, more = (
        "".join(f'<p class="dj-note">{escape(text)}</p>' for text in texts) for texts in (above, below)
    )
    return (
        f'{_STYLE}<div class="dj-preview">{notes}<table class="dj-table">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}</div>"
    )


def _cell(heading: Heading, name: str, cell: str) -> str:
    kind = "dj-object" if heading[name].is_blob else "dj-null" if cell == "NULL" else "dj-value"
    shown = cell if len(cell) <= 200 else cell[:199] + "…"
    return f'<td class="{kind}">{escape(shown)}</td>'

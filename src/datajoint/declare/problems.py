"""Problems of a definition, gathered so that all are reported at once, each with line and position."""

from __future__ import annotations

from datajoint._value import Value
from datajoint.declare.syntax import Span
from datajoint.errors import DeclarationError, DefinitionSyntaxError

__all__ = ["Problem", "Problems"]


class Problem(Value):
    """One thing that is wrong, where, and what to do."""

    kind: type[DeclarationError]
    span: Span
    message: str
    hint: str | None = None


class Problems:
    """Collects the problems of the definition of one table.

    Examples
    --------
    >>> problems = Problems("id integer", "Session")
    >>> problems.add(Span(1, 3, 10), "expected `name : type`")
    >>> problems.check()
    Traceback (most recent call last):
        ...
    datajoint.errors.DefinitionSyntaxError: Declaration error in position 4 in line 1 of `Session`:
      id integer
         ^ expected `name : type`
    """

    def __init__(self, text: str, table: str) -> None:
        self.text = text
        self.table = table
        self.found: list[Problem] = []

    def add(
        self,
        span: Span,
        message: str,
        kind: type[DeclarationError] = DefinitionSyntaxError,
        hint: str | None = None,
    ) -> None:
        """Note a problem."""
        self.found.append(Problem(kind, span, message, hint))

    def check(self) -> None:
        """Raise one error for all problems, of the class of the first, if there are any."""
        if not self.found:
            return
        found = sorted(self.found, key=lambda problem: (problem.span.line, problem.span.start))
        first = found[0]
        raise first.kind(
            "\n".join(self._show(problem) for problem in found),
            line=first.span.line,
            position=first.span.start + 1,
            problems=len(found),
        )

    def _show(self, problem: Problem) -> str:
        span = problem.span
        where = f" of `{self.table}`" if self.table else ""
        line = self.text.split("\n")[span.line - 1].replace("\t", " ").rstrip()
        indent = len(line) - len(line.lstrip())
        pointer = " " * max(span.start - indent, 0) + "^"
        shown = [
            f"Declaration error in position {span.start + 1} in line {span.line}{where}:",
            f"  {line.strip()}",
            f"  {pointer} {problem.message}",
        ]
        return "\n".join([*shown, *([f"  {problem.hint}"] if problem.hint else [])])

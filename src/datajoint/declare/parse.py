"""Reads the text of a definition, reporting everything that is wrong with it at once."""

from __future__ import annotations

import re
from functools import lru_cache
from keyword import iskeyword

from datajoint import logging
from datajoint.declare import projection
from datajoint.declare.default import parse_default
from datajoint.declare.problems import Problems
from datajoint.declare.scan import LogicalLine, UnclosedQuoteError, find_outside, logical_lines, split_outside
from datajoint.declare.syntax import (
    AttributeLine,
    CheckLine,
    Definition,
    ForeignKeyLine,
    IndexLine,
    Line,
    Reference,
    Span,
)
from datajoint.errors import (
    DataJointError,
    DeclarationError,
    DefinitionSyntaxError,
    UnknownTypeError,
    nearest,
)
from datajoint.heading.attribute import Default
from datajoint.heading.types import AttributeType, parse_type

__all__ = ["parse", "parse_reference"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DIVIDER = re.compile(r"(?P<dashes>--+)(?!>).*")
_INDEX = re.compile(r"(?P<unique>unique\s+)?index\s*\(", re.IGNORECASE)
_CHECK = re.compile(r"check(?:\s+(?P<name>[A-Za-z_]\w*))?\s*\(", re.IGNORECASE)
_OLD_REFERENCE = re.compile(
    r"\(\s*(?P<new>[\w\s,]+?)\s*\)\s*->(?P<options>\s*\[[^\]]*\])?\s*"
    r"(?P<path>[\w.]+)\s*(?:\(\s*(?P<old>[\w\s,]*?)\s*\))?"
)
_OPTIONS = re.compile(r"\s*\[(?P<options>[^\]]*)\]")
_OLD_TYPE = re.compile(r"(blob|attach|filepath)(@\s*[\w-]*)?")
_JSON_PATH = re.compile(r"[a-z][a-z0-9_]*(?:\.\w+|\[\d+\])+(?::\w+)?")
_PLAIN = re.compile(r"(?P<name>[a-z][a-z0-9_]*)\s*:\s*(?P<type>[a-z0-9_]+(?:\(\d+(?:,\d+)?\))?)")
"""An attribute with a type of one word and without default: most are."""

_MODIFIERS = {
    "not null": "attributes are never null unless their default is null",
    "primary key": "attributes above the line `---` are the primary key",
    "character set": "text is UTF-8 on every backend",
    "charset": "text is UTF-8 on every backend",
    "collate": "text is compared exactly on every backend",
    "default": "the default goes before the colon: `name = default : type`",
    "comment": "the comment goes to the end of the line: `name : type # comment`",
    "unique": "write a line `unique index (name)`",
}
_MODIFIER = re.compile(
    r"\b(" + "|".join(word.replace(" ", r"\s+") for word in _MODIFIERS) + r")\b", re.IGNORECASE
)


class _SyntaxProblemError(Exception):
    """Something wrong with one line, at an offset within it."""

    def __init__(
        self,
        offset: int,
        message: str,
        hint: str | None = None,
        kind: type[DeclarationError] = DefinitionSyntaxError,
    ) -> None:
        super().__init__(message)
        self.offset, self.message, self.hint, self.kind = offset, message, hint, kind


def parse(text: str, table: str = "") -> Definition:
    """Read the definition of a table.

    Parameters
    ----------
    text
        The definition.
    table
        Name of the table for messages.

    Raises
    ------
    DeclarationError
        Of a class that fits the first problem; the message shows all of them with line and caret.

    Examples
    --------
    >>> definition = parse('''
    ... # One visit
    ... -> Subject
    ... session : int16          # number of the visit
    ... ---
    ... note = "" : varchar(100)
    ... ''')
    >>> definition.comment, [type(line).__name__ for line in definition.lines]
    ('One visit', ['ForeignKeyLine', 'AttributeLine', 'AttributeLine'])
    """
    definition, notes = _read(text, table)
    for note in notes:
        logging.warn(note)
    return definition


@lru_cache(2048)
def _read(text: str, table: str) -> tuple[Definition, tuple[str, ...]]:
    """Return a definition and what is to be said about it."""
    parser = _Parser(text, table)
    return parser.parse(), tuple(parser.notes)


class _Parser:
    """Reading of one definition."""

    def __init__(self, text: str, table: str) -> None:
        self.text, self.table = text, table
        self.problems = Problems(text, table)
        self.notes: list[str] = []
        self.comment = ""
        self.divider: Span | None = None
        self.lines: list[Line] = []
        self.attributes: dict[str, AttributeLine] = {}

    def parse(self) -> Definition:
        for number, line in enumerate(logical_lines(self.text)):
            if not line.text:
                if number == 0:
                    self._table_comment(line)
                continue
            try:
                self._line(line)
            except _SyntaxProblemError as problem:
                self.problems.add(line.span(problem.offset), problem.message, problem.kind, problem.hint)
            except UnclosedQuoteError as error:
                self.problems.add(line.span(error.position), str(error))
        self.problems.check()
        if not self.lines and self.divider is None:
            raise DefinitionSyntaxError(
                f"The definition{f' of `{self.table}`' if self.table else ''} is empty:"
                " it has no attribute and no reference.",
                hint="Write lines like `name : type # comment`; a line `---` alone makes a table of one row.",
            )
        return Definition(self.table, self.comment, tuple(self.lines), self.text)

    def _table_comment(self, line: LogicalLine) -> None:
        self.comment = line.comment or ""
        if self.comment.startswith(":"):
            self.problems.add(line.span(), "a table comment must not begin with a colon")

    def _line(self, line: LogicalLine) -> None:
        if line.text.startswith("->"):
            self.lines.append(_foreign_key(line, self.divider is None))
        elif (match := _PLAIN.fullmatch(line.text)) and (plain := _plain(line, match, self.divider is None)):
            self._attribute(plain)
        elif match := _DIVIDER.fullmatch(line.text):
            self._divide(line, match["dashes"])
        elif match := _INDEX.match(line.text):
            self.lines.append(_index(line, match))
        elif match := _CHECK.match(line.text):
            self.lines.append(_check(line, match))
        elif match := _OLD_REFERENCE.fullmatch(line.text):
            self.lines.append(self._old_reference(line, match))
        else:
            self._attribute(_attribute(line, self.divider is None))

    def _divide(self, line: LogicalLine, dashes: str) -> None:
        if len(dashes) < 3:
            raise _SyntaxProblemError(0, "the line between key and other attributes has three dashes or more")
        if self.divider is not None:
            self.notes.append(
                f"The definition{f' of `{self.table}`' if self.table else ''} has a second line `---`, line "
                f"{line.span().line}, which is ignored: the key ends in line {self.divider.line}."
            )
            return
        self.divider = line.span()

    def _old_reference(self, line: LogicalLine, match: re.Match[str]) -> ForeignKeyLine:
        """Read ``(new) -> Table(old)``; without `old`, resolution finds what the new names stand for."""
        new, old = (re.findall(r"\w+", match[part] or "") for part in ("new", "old"))
        if old and len(old) != len(new):
            raise _SyntaxProblemError(
                match.start("old"), f"{len(new)} new names stand for {len(old)} attributes of the parent"
            )
        renames = tuple(zip(new, old or [""] * len(new), strict=True))
        shown = ", ".join(f"{n}='{o or '…'}'" for n, o in renames)
        self.notes.append(
            f"The definition{f' of `{self.table}`' if self.table else ''} renames in an older form;"
            f" write `-> {match['path']}.proj({shown})`."
        )
        in_key = self.divider is None
        options = (
            _options(match["options"].strip()[1:-1], match.start("options"), in_key)
            if match["options"]
            else ()
        )
        reference = Reference(match["path"], renames, line.text)
        return ForeignKeyLine(reference, frozenset(options), in_key, line.span(0, len(line.text)))

    def _attribute(self, line: AttributeLine) -> None:
        first = self.attributes.setdefault(line.name, line)
        if first is line:
            self.lines.append(line)
        elif _meaning(first) == _meaning(line):
            self.notes.append(
                f"Attribute `{line.name}` of `{self.table}` is declared twice, in line {first.span.line} and"
                f" in line {line.span.line}; the second is ignored."
            )
        else:
            self.problems.add(
                line.span,
                f"attribute `{line.name}` is declared already, in line {first.span.line}",
                DeclarationError,
            )


def _meaning(line: AttributeLine) -> tuple[object, ...]:
    return (
        line.in_key,
        line.dtype.text,
        line.default and (line.default.kind, line.default.value),
        line.comment,
    )


def _plain(line: LogicalLine, match: re.Match[str], in_key: bool) -> AttributeLine | None:
    """Read a plain line; None where something is wrong with it, which is told by `_attribute`."""
    try:
        dtype = parse_type(match["type"])
    except UnknownTypeError:
        return None
    comment = line.comment or ""
    return (
        None
        if comment.startswith(":")
        else AttributeLine(match["name"], dtype, None, comment, in_key, line.span())
    )


def _attribute(line: LogicalLine, in_key: bool) -> AttributeLine:
    text = line.text
    name = _attribute_name(text)
    position = len(text) - len(text[len(name) :].lstrip())
    default_at = -1
    if text[position : position + 1] == "=":
        default_at = position + 1
        position = find_outside(text, ":", default_at)
        if position < 0:
            raise _SyntaxProblemError(_skip_blanks(text, default_at), "expected `name = default : type`")
    if text[position : position + 1] != ":":
        raise _SyntaxProblemError(position, "expected `name : type`", _FORMS.get(name))
    dtype = _type(text, position + 1)
    default = _default(text, default_at, position, dtype, in_key) if default_at >= 0 else None
    comment = line.comment or ""
    if comment.startswith(":"):
        raise _SyntaxProblemError(len(text), "a comment must not begin with a colon")
    return AttributeLine(name, dtype, default, comment, in_key, line.span(0, len(text)))


_FORMS = {
    "index": "An index is written `index (a, b)`.",
    "unique": "A unique index is written `unique index (a, b)`.",
    "check": "A check is written `check name (condition)`.",
}


def _attribute_name(text: str) -> str:
    word = re.match(r"[^\s:=#]*", text)
    name = word[0] if word else ""
    if _NAME.fullmatch(name):
        return name
    if not name:
        raise _SyntaxProblemError(0, "expected `name : type`")
    if name.startswith("_"):
        raise _SyntaxProblemError(
            0,
            f"names with a leading underscore, as `{name}`, belong to the platform",
            hint=f"Call it `{name.lstrip('_') or 'x'}`.",
        )
    if _NAME.fullmatch(name.lower()):
        raise _SyntaxProblemError(0, f"attribute names are lower case: `{name.lower()}`")
    bad = next((i for i, c in enumerate(name) if not re.match(r"[a-z]" if i == 0 else r"[a-z0-9_]", c)), 0)
    raise _SyntaxProblemError(
        bad,
        f"`{name}` is no attribute name: lower-case letters, digits and underscores, a letter first",
        _FORMS.get(name[:bad]),
    )


def _skip_blanks(text: str, position: int) -> int:
    return position + len(text[position:]) - len(text[position:].lstrip())


def _type(text: str, start: int) -> AttributeType:
    start = _skip_blanks(text, start)
    spelled = text[start:]
    if not spelled:
        raise _SyntaxProblemError(start, "expected a type after the colon")
    outside = re.sub(r"'[^']*'|\"[^\"]*\"", lambda match: "'" + "x" * (len(match[0]) - 2) + "'", spelled)
    if (equals := outside.find("=")) >= 0:
        name, value = text.partition(":")[0].strip(), spelled[equals + 1 :].strip()
        raise _SyntaxProblemError(
            start + equals,
            "the default goes before the colon",
            hint=f"Write `{name} = {value} : {spelled[:equals].strip()}`.",
        )
    if modifier := _MODIFIER.search(outside):
        word = " ".join(modifier[1].lower().split())
        raise _SyntaxProblemError(
            start + modifier.start(),
            f"`{modifier[1]}` is no part of a type: {_MODIFIERS[word]}",
            kind=UnknownTypeError,
        )
    try:
        return parse_type(_in_brackets(spelled))
    except UnknownTypeError as error:
        raise _SyntaxProblemError(
            start, error.message, _type_hint(spelled, error.hint), UnknownTypeError
        ) from None


def _in_brackets(spelled: str) -> str:
    """Return ``blob@store`` and ``attach`` of older definitions as the codecs that they mean."""
    match = _OLD_TYPE.fullmatch(spelled)
    return f"<{spelled}>" if match and (match[2] or match[1] == "attach") else spelled


def _type_hint(spelled: str, hint: str | None) -> str | None:
    if match := _OLD_TYPE.fullmatch(spelled):
        return f"Files are kept by a codec now: `<{match[1]}>`."
    return hint


def _default(text: str, start: int, end: int, dtype: AttributeType, in_key: bool) -> Default:
    spelled = text[start:end].strip()
    offset = _skip_blanks(text, start)
    try:
        default = parse_default(spelled, dtype)
    except ValueError as error:
        raise _SyntaxProblemError(offset, str(error), kind=DeclarationError) from None
    if default.kind == "null" and in_key:
        raise _SyntaxProblemError(offset, "Primary key attributes cannot be nullable", kind=DeclarationError)
    return default


def _foreign_key(line: LogicalLine, in_key: bool) -> ForeignKeyLine:
    text, start = line.text, 2
    options: frozenset[str] = frozenset()
    if match := _OPTIONS.match(text, start):
        start = match.end()
        options = _options(match["options"], match.start("options"), in_key)
    start = _skip_blanks(text, start)
    try:
        reference = parse_reference(text[start:])
    except DataJointError as error:
        kind = type(error) if isinstance(error, DeclarationError) else DefinitionSyntaxError
        raise _SyntaxProblemError(min(start, len(text)), error.message, error.hint, kind) from None
    return ForeignKeyLine(reference, options, in_key, line.span(0, len(text)))


def _options(text: str, offset: int, in_key: bool) -> frozenset[str]:
    options: set[str] = set()
    for match in re.finditer(r"[^,]+", text):
        option = match[0].strip().lower()
        position = offset + match.start() + len(match[0]) - len(match[0].lstrip())
        if option not in ("nullable", "unique"):
            raise _SyntaxProblemError(
                position,
                f"unknown option `{option}` of a reference; there are `nullable` and `unique`",
                nearest(option, ("nullable", "unique")),
            )
        if option == "nullable" and in_key:
            raise _SyntaxProblemError(
                position,
                "a reference in the primary key cannot be nullable",
                "Move it below the line `---`.",
                DeclarationError,
            )
        options.add(option)
    return frozenset(options)


def _index(line: LogicalLine, match: re.Match[str]) -> IndexLine:
    text = line.text
    if not text.endswith(")"):
        raise _SyntaxProblemError(len(text), "expected `)` at the end of the index")
    columns = tuple(split_outside(text[match.end() : -1]))
    for column in columns:
        if not (
            _NAME.fullmatch(column)
            or _JSON_PATH.fullmatch(column)
            or (column.startswith("(") and column.endswith(")"))
        ):
            raise _SyntaxProblemError(
                match.end(),
                f"`{column}` is no attribute name",
                hint="An SQL expression in an index stands in parentheses.",
            )
    if len(set(columns)) < len(columns):
        raise _SyntaxProblemError(match.end(), "an index names each attribute once")
    return IndexLine(columns, bool(match["unique"]), line.span(0, len(text)))


def _check(line: LogicalLine, match: re.Match[str]) -> CheckLine:
    text = line.text
    condition = text[match.end() : -1].strip()
    if not text.endswith(")") or not condition:
        raise _SyntaxProblemError(len(text), "expected `check name (condition)`")
    return CheckLine((match["name"] or "").lower(), condition, line.comment or "", line.span(0, len(text)))


_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)


def parse_reference(text: str) -> Reference:
    """Read ``Table``, ``module.Table``, ``Master.Part`` or one of these with ``.proj(new='old')``.

    Empty parentheses after a name, as in ``self().source``, mean nothing.

    Raises
    ------
    DefinitionSyntaxError
        When it cannot be read.
    ForeignKeyTargetError
        When it is an expression other than a table or its rename (FK-3).

    Examples
    --------
    >>> parse_reference("lab.Subject.proj(mouse='subject')")
    Reference(path='lab.Subject', renames=(('mouse', 'subject'),), text="lab.Subject.proj(mouse='subject')")
    """
    if not text:
        raise DefinitionSyntaxError("expected the name of a table after `->`")
    if _PATH.fullmatch(text) and not any(map(iskeyword, text.split("."))):
        return Reference(text, (), text)
    return projection.read(text)

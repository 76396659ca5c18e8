"""SQL text of users, read once: conditions and computed attributes as typed trees.

The reader is a small parser of our own over one portable language. It knows the heading, so an attribute may
be called `key`, `order` or `values`; it fails at what it does not know, with the place in the text; and
nothing of the user's text reaches a database but through the tree.
"""

from __future__ import annotations

from functools import lru_cache

from datajoint._value import Value, replace
from datajoint.algebra.expr.expressions import Expression, Literal, children
from datajoint.algebra.expr.types import TEXT, family
from datajoint.algebra.text.literals import Misfit, check_pattern, closed, read
from datajoint.algebra.text.operands import Lifted, Operand
from datajoint.algebra.text.parser import Parser
from datajoint.algebra.text.tokens import Token, syntax_error, tokenize
from datajoint.errors import QuerySyntaxError
from datajoint.heading.heading import Heading
from datajoint.heading.types import AttributeType

__all__ = ["Fragment", "parse_column", "parse_condition"]

_MAX_SHAPES = 4096
_DEEPEST = 200  # as of plans
_MAX_DEPTH_HINT = "Split it into several restrictions, or restrict by a list."


class Fragment(Value):
    """A condition or expression that was given as text.

    Attributes
    ----------
    expression
        Its meaning.
    parameters
        Types of the literals that were taken out as parameters, in order.
    names
        Attributes it uses, in order of appearance.
    dtype, nullable
        Of its value.
    aggregate
        Whether it holds an aggregate function.
    text
        One spelling of it, ``?`` for parameters; equal texts over one heading are equal fragments.
    """

    expression: Expression
    parameters: tuple[AttributeType, ...]
    names: tuple[str, ...]
    dtype: AttributeType
    nullable: bool
    aggregate: bool
    text: str

    def __hash__(self) -> int:
        return hash(self.text)


class _Shape:
    """What texts share that differ in lifted literals only: recipes of values, literals that must agree."""

    __slots__ = ("fixed", "fragments", "lifted")

    def __init__(self, lifted: tuple[Lifted, ...], fixed: tuple[int, ...]) -> None:
        self.lifted = lifted
        self.fixed = fixed
        self.fragments: dict[tuple[str, ...], Fragment] = {}


_shapes: dict[tuple[Heading, str, tuple[str, ...]], _Shape] = {}
_LITERAL_MARKS = {"string": "''", "quoted": '""', "number": "0", "hex": "X''"}


@lru_cache(4096)
def parse_condition(text: str, heading: Heading, backend: str = "") -> tuple[Fragment, tuple[object, ...]]:
    """Read a condition; literals compared with an attribute become parameters of its type.

    Parameters
    ----------
    text
        The condition in portable SQL.
    heading
        Whose attributes it may use, hidden ones included.
    backend
        Whose own functions it may use beside the portable ones.

    Returns
    -------
    tuple
        The fragment, and the values of its parameters.

    Raises
    ------
    QuerySyntaxError
        When it cannot be read, or a literal does not fit what it is compared with.
    UnknownAttributeError
        When a name is no attribute.
    PortabilityError
        When a function exists on other databases only.

    Examples
    --------
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.types import parse_type
    >>> heading = Heading(
    ...     [Attribute("a", parse_type("int32"), in_key=True), Attribute("d", parse_type("date"))]
    ... )
    >>> fragment, values = parse_condition("a > 5 and d = '2024-05-01'", heading)
    >>> fragment.text, values
    ('a > ? and d = ?', (5, datetime.date(2024, 5, 1)))
    """
    tokens = tokenize(text)
    marks = tuple(_LITERAL_MARKS.get(kind) or value for kind, value, _ in tokens)
    key = (heading, backend, marks)
    shape = _shapes.get(key)
    if shape is not None:
        found = _recall(shape, tokens)
        if found is not None:
            return found
    parser = Parser(text, tokens, heading, backend, lift=True, aggregate=False)
    operand = _parse(parser)
    _check_depth(operand.expression)
    operand = parser.condition(operand)
    lifted = tuple(parser.lifted)
    taken = {one.token for one in lifted}
    fixed = tuple(i for i, token in enumerate(tokens) if token.kind in _LITERAL_MARKS and i not in taken)
    fragment = _fragment(parser, operand, taken)
    if not parser.misfits:
        if len(_shapes) >= _MAX_SHAPES:
            _shapes.clear()
        shape = _shapes.setdefault(key, _Shape(lifted, fixed))
        if shape.lifted == lifted and len(shape.fragments) < _MAX_SHAPES:
            fragment = shape.fragments.setdefault(tuple(tokens[i].value for i in fixed), fragment)
    return fragment, tuple(parser.values)


def _recall(shape: _Shape, tokens: list[Token]) -> tuple[Fragment, tuple[object, ...]] | None:
    """Return the fragment of a known shape with the values of these tokens, or None when one does not fit."""
    fragment = shape.fragments.get(tuple(tokens[i].value for i in shape.fixed))
    if fragment is None:
        return None
    values: list[object] = []
    try:
        for one in shape.lifted:
            kind, text, _ = tokens[one.token]
            values.append(read(kind, text, one.negative, one.dtype))
            if one.pattern == "regexp":
                check_pattern(text)
            elif one.pattern and closed(text, one.pattern) != text:
                return None
    except (Misfit, ValueError):
        return None
    return fragment, tuple(values)


@lru_cache(2048)
def parse_column(text: str, heading: Heading, backend: str = "", aggregate: bool = False) -> Fragment:
    """Read the expression of a computed attribute; literals stay in it, its type is inferred (QRY-63).

    Parameters
    ----------
    text
        The expression in portable SQL.
    heading
        Whose attributes it may use.
    backend
        Whose own functions it may use beside the portable ones.
    aggregate
        Whether aggregate functions are allowed.

    Raises
    ------
    QuerySyntaxError, UnknownAttributeError, PortabilityError
        As `parse_condition`.

    Examples
    --------
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.types import parse_type
    >>> heading = Heading([Attribute("a", parse_type("int32"), in_key=True)])
    >>> fragment = parse_column("a / 2", heading)
    >>> fragment.dtype.text, fragment.names
    ('float64', ('a',))
    """
    parser = Parser(text, tokenize(text), heading, backend, lift=False, aggregate=aggregate)
    operand = _parse(parser)
    _check_depth(operand.expression)
    if operand.loose:
        operand = parser.tighten(operand, TEXT)
    parser.value(operand)
    if family(operand.dtype) == "null":
        operand = replace(operand, expression=Literal(None, TEXT), dtype=TEXT)
    return _fragment(parser, operand, set())


def _parse(parser: Parser) -> Operand:
    if parser.tokens[0].kind == "end":
        raise syntax_error(parser.text, 0, "the text is empty")
    try:
        return parser.parse_all()
    except RecursionError:
        message = "The text is nested too deeply to be read."
        raise QuerySyntaxError(message, hint=_MAX_DEPTH_HINT) from None


def _check_depth(expression: Expression) -> None:
    """Refuse what neither Python nor a database reads, such as a sum of thousands of terms."""
    level, depth = [expression], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            message = f"The text holds more than {_DEEPEST} operators in a row, or within each other."
            raise QuerySyntaxError(message, hint=_MAX_DEPTH_HINT)
        level = [below for node in level for below in children(node)]


def _fragment(parser: Parser, operand: Operand, lifted: set[int]) -> Fragment:
    text = " ".join(_spell(parser, token, i in lifted) for i, token in enumerate(parser.tokens[:-1]))
    return Fragment(
        operand.expression,
        tuple(one.dtype for one in parser.lifted),
        tuple(parser.names),
        operand.dtype,
        operand.nullable,
        operand.aggregate,
        text,
    )


def _spell(parser: Parser, token: Token, lifted: bool) -> str:
    kind, value, _ = token
    if lifted:
        return "?"
    if kind == "word":
        return value if value in parser.heading else value.lower()
    if kind == "tick" or (
        kind == "quoted" and value in parser.names and parser.backend in ("postgresql", "sqlite")
    ):
        return "`" + value.replace("`", "``") + "`"
    if kind in ("string", "quoted", "hex"):
        return ("X" if kind == "hex" else "") + "'" + value.replace("'", "''") + "'"
    return value

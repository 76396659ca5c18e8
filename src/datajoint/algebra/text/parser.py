"""The grammar of conditions and expressions: precedence climbing over the tokens of a text."""

from __future__ import annotations

from collections.abc import Callable

from datajoint._value import replace
from datajoint.algebra.expr.expressions import Interval, JsonPath, Name
from datajoint.algebra.expr.functions import UNITS
from datajoint.algebra.expr.types import BOOL, DATE, DATETIME, INT64, INTERVAL, NULL, TEXT, TIME, family
from datajoint.algebra.text.forms import Forms
from datajoint.algebra.text.operands import Operand
from datajoint.algebra.text.tokens import Token
from datajoint.errors import UnknownTypeError
from datajoint.heading.types import AttributeType, parse_type

__all__ = ["Parser"]

_COMPARISONS = {
    "=": "=",
    "==": "=",
    "<>": "<>",
    "!=": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "<=>": "<=>",
}
_MATCHES = {"like": "like", "ilike": "ilike", "regexp": "regexp", "rlike": "regexp", "glob": "glob"}
_POWERS = {
    "|": (1, "|"), "&": (2, "&"), "<<": (3, "<<"), ">>": (3, ">>"), "+": (4, "+"), "-": (4, "-"),
    "*": (5, "*"), "/": (5, "/"), "%": (5, "%"), "div": (5, "div"), "mod": (5, "%"), "||": (6, "||"),
}  # fmt: skip
"""How strongly binary operators bind."""

_POSTFIXES = {"::", "->", "->>", ".", "["}
_CLOSERS = {
    "and",
    "or",
    "then",
    "else",
    "end",
    "when",
    "as",
    "from",
    "separator",
    "order",
    "asc",
    "desc",
    "xor",
}
_FOLLOWING = (_CLOSERS - {"when"}) | {
    "is", "in", "between", "like", "ilike", "regexp", "rlike", "glob", "not", "div", "mod", "isnull",
    "notnull", "when", "escape", "collate",
}  # fmt: skip
"""Words that follow an operand, and never begin one."""
_OPENING = {"(", "-", "!", "~"}
"""Signs that may begin an operand."""
_CONSTANTS = {"null": (None, NULL), "true": (True, BOOL), "false": (False, BOOL)}
_TYPED = {"date": DATE, "timestamp": DATETIME, "datetime": DATETIME, "time": TIME}
_MOMENTS = {"current_date", "current_timestamp", "localtimestamp", "localtime"}
_CASTS = {
    "signed": "int64", "integer": "int64", "int": "int64", "bigint": "int64", "int4": "int64",
    "int8": "int64", "smallint": "int64", "int2": "int64", "unsigned": "int64", "double": "float64",
    "float": "float64", "real": "float64", "float4": "float64", "float8": "float64", "char": "text",
    "varchar": "text", "text": "text", "character": "text", "string": "text", "boolean": "bool",
    "timestamp": "datetime", "numeric": "decimal", "dec": "decimal", "int16": "int64", "int32": "int64",
    "float32": "float64", "uint8": "int64", "uint16": "int64", "uint32": "int64", "nchar": "text",
}  # fmt: skip
_ADVICE_QUERY = "Restrict by a query instead: `A & B`, `A - B`."


class Parser(Forms):
    """Reads one text. The methods that begin with ``parse_`` consume tokens."""

    # --------------------------------------------------------------------------------------------- tokens

    def at_word(self, *words: str) -> bool:
        """Whether the next token is one of these words."""
        token = self.tokens[self.place]
        return token.kind == "word" and token.value.lower() in words

    def take_word(self, *words: str) -> bool:
        """Consume the next token if it is one of these words."""
        if self.at_word(*words):
            self.place += 1
            return True
        return False

    def at(self, *ops: str) -> bool:
        """Whether the next token is one of these signs."""
        token = self.tokens[self.place]
        return token.kind == "op" and token.value in ops

    def take(self, *ops: str) -> bool:
        """Consume the next token if it is one of these signs."""
        if self.at(*ops):
            self.place += 1
            return True
        return False

    def need(self, op: str, after: str) -> None:
        """Consume a sign, or say that it is missing."""
        if not self.take(op):
            raise self.fail(self.start, f"`{op}` is missing {after}")

    def need_word(self, word: str, after: str) -> None:
        """Consume a word, or say that it is missing."""
        if not self.take_word(word):
            raise self.fail(self.start, f"`{word}` is missing {after}")

    # ------------------------------------------------------------------------------------------- operators

    def parse_all(self) -> Operand:
        """Read the whole text."""
        operand = self.parse_or()
        token = self.tokens[self.place]
        if token.kind != "end":
            hint = (
                "Quote a name that is also a word of SQL with back-ticks." if token.kind == "word" else None
            )
            raise self.fail(token.start, f"an operator is missing before `{token.value}`", hint)
        return operand

    def parse_or(self) -> Operand:
        """Read ``a or b xor c``."""
        return self._chain("or", lambda: self._chain("and", self.parse_not, ("and",), ("&&",)), ("or",), ())

    def _chain(
        self, op: str, parse: Callable[[], Operand], words: tuple[str, ...], signs: tuple[str, ...]
    ) -> Operand:
        terms = [parse()]
        while True:
            if self.take_word(*words) or (signs and self.take(*signs)):
                terms.append(parse())
            elif op == "or" and self.take_word("xor"):
                left = terms[0] if len(terms) == 1 else self.joined(op, terms)
                terms = [self.compare("<>", self.condition(left), self.condition(parse()))]
            else:
                return terms[0] if len(terms) == 1 else self.joined(op, terms)

    def parse_not(self) -> Operand:
        """Read ``not a``."""
        start = self.start
        if self.at_word("not") and self.known("not") and self._follows_name():
            return self.parse_comparison()
        if not self.take_word("not") and not self.take("!"):
            return self.parse_comparison()
        return self._not(replace(self.parse_not(), start=start))

    def _follows_name(self) -> bool:
        """Whether what follows the next token can only follow a name, which is called like a word of SQL."""
        kind, value, _ = self.tokens[self.place + 1]
        if kind == "op":
            return value not in _OPENING
        return kind == "end" or (kind == "word" and value.lower() in _FOLLOWING and not self.known(value))

    def _called(self) -> bool:
        following = self.tokens[self.place + 1]
        return following.kind == "op" and following.value == "("

    def _not(self, operand: Operand) -> Operand:
        return self.node("not", (self.condition(operand),), BOOL)

    def parse_comparison(self) -> Operand:
        """Read ``a = b``, ``a is null``, ``a in (…)``, ``a between b and c``, ``a like b``; left to right."""
        left, compared = self.parse_level(0), False
        while True:
            token = self.tokens[self.place]
            word = token.value.lower() if token.kind in ("word", "op") else ""
            if token.kind == "op" and word in _COMPARISONS:
                if compared and word in (
                    "<",
                    "<=",
                    ">",
                    ">=",
                ):  # what SQL makes of it, 0 or 1 < c, nobody means
                    raise self.fail(token.start, "comparisons are no chain", "Write `a < b and b < c`.")
                left, compared = self._compared(word, left), True
            elif token.kind == "op" and word in ("~", "!~", "~*", "!~*"):
                left = self._tilde(word, left)
            elif token.kind == "word" and word == "is":
                left = self._is(left)
            elif token.kind == "word" and (word in ("in", "between", "not") or word in _MATCHES):
                left = self._predicate(left)
            elif token.kind == "word" and word in ("isnull", "notnull"):
                self.place += 1
                left = self._null(left, word == "notnull")
            else:
                return left

    def _compared(self, op: str, left: Operand) -> Operand:
        self.place += 1
        if self.at_word("any", "all", "some") and self._called():
            raise self.fail(self.start, "`any` and `all` are not known here", _ADVICE_QUERY)
        return self.compare(_COMPARISONS[op], left, self.parse_level(0))

    def _tilde(self, op: str, left: Operand) -> Operand:
        if op.endswith("*"):
            raise self.fail(self.start, f"`{op}` is not portable", "Use lower(a) regexp '…'.")
        self.place += 1
        result = self._regexp(left, self.parse_level(0))
        return self._not(result) if op == "!~" else result

    def _is(self, left: Operand) -> Operand:
        self.place += 1
        negative = self.take_word("not")
        if self.take_word("null", "unknown"):
            return self._null(left, negative)
        if self.at_word("true", "false"):
            wanted = self.at_word("true")
            self.place += 1
            left = self.condition(left)
            truth = self.compare("<=>", left, self.constant(wanted, BOOL, left.start))
            return self._not(truth) if negative else truth
        if self.take_word("distinct"):
            self.need_word("from", "after `is distinct`")
            same = self.compare("<=>", left, self.parse_level(0))
            return same if negative else self._not(same)
        raise self.fail(self.start, "`null`, `true`, `false` or `distinct from` is missing after `is`")

    def _null(self, left: Operand, negative: bool) -> Operand:
        left = self.value(self.tighten(left, TEXT))
        result = self.node("is_null", (left,), BOOL, nullable=False)
        return self._not(result) if negative else result

    def _predicate(self, left: Operand) -> Operand:
        negative = self.take_word("not")
        word = self.tokens[self.place].value.lower()
        self.place += 1
        if word == "in":
            result = self._in(left)
        elif word == "between":
            low = self.parse_level(0)
            self.need_word("and", "after `between …`")
            high = self.parse_level(0)
            result = self.joined("and", [self.compare(">=", left, low), self.compare("<=", left, high)])
        elif word in _MATCHES:
            result = self._match(_MATCHES[word], left)
        else:
            self.place -= 1
            raise self.fail(self.start, "`in`, `between`, `like` or `regexp` is missing after `not`")
        return self._not(result) if negative else result

    def _match(self, op: str, left: Operand) -> Operand:
        self.take_word("binary")
        pattern = self.parse_level(0)
        if op == "regexp":
            return self._regexp(left, pattern)
        if op == "glob":
            self.only_on("sqlite", "glob", pattern.start)
        escape = None
        if self.take_word("escape"):
            escape = self.parse_level(0)
            if escape.token < 0 or len(self.tokens[escape.token].value) != 1:
                raise self.fail(escape.start, "`escape` takes one character in quotes")
        return self.matches(op, left, pattern, escape)

    def _regexp(self, left: Operand, pattern: Operand) -> Operand:
        if pattern.token >= 0:
            self.check_regexp(self.tokens[pattern.token].value, pattern.start)
        return self.matches("regexp", left, pattern, None)

    def _in(self, left: Operand) -> Operand:
        self.need("(", "after `in`")
        if self._at_query():
            raise self.fail(self.start, "a query inside a text is not read", _ADVICE_QUERY)
        if self.at(")"):
            raise self.fail(self.start, "the list after `in` is empty", "Use the condition False, or a list.")
        items = self.parse_list("the list after `in`")
        return self.contained(left, items)

    def parse_list(self, what: str) -> list[Operand]:
        """Read ``a, b, c)``."""
        items = [self.parse_or()]
        while self.take(","):
            items.append(self.parse_or())
        self.need(")", f"at the end of {what}")
        return items

    def parse_level(self, level: int) -> Operand:
        """Read operands and binary operators that bind at least as strongly as `level`."""
        left = self.parse_unary()
        while True:
            token = self.tokens[self.place]
            power = _POWERS.get(token.value.lower()) if token.kind in ("op", "word") else None
            if power is None or power[0] < level:
                return left
            self.place += 1
            left = self._binary(power[1], left, self.parse_level(power[0] + 1))

    def _binary(self, op: str, left: Operand, right: Operand) -> Operand:
        if op == "||":
            return self.call("concat", [left, right], left.start)
        if op in ("&", "|", "<<", ">>"):
            numbers = [self.fit("int", o, op) for o in (left, right)]
            return self.node(op, numbers, INT64)
        if isinstance(left.expression, Interval) and op == "+":
            left, right = right, left
        return self.arithmetic(op, left, right)

    def parse_unary(self) -> Operand:
        """Read ``-a``, ``+a``, ``binary a``."""
        token = self.tokens[self.place]
        if token.kind != "op":
            return self.parse_postfix()
        start = token.start
        if self.take("-"):
            return replace(self.negated(self.parse_unary()), start=start)
        if self.take("+"):
            return self.number(self.parse_unary(), "`+`")
        if self.at("~"):
            raise self.fail(start, "`~` is not portable")
        return self.parse_postfix()

    def parse_postfix(self) -> Operand:
        """Read ``a::type``, ``a -> 'path'``, ``a.path[0]:type``, ``a collate x``."""
        operand = self.parse_primary()
        while self.tokens[self.place].value in _POSTFIXES or self.at_word("collate"):
            if self.take("::"):
                operand = self.convert(operand, self.parse_type())
            elif self.at("->", "->>"):
                operand = self._arrow(operand)
            elif self.at(".", "[") and family(operand.dtype) == "json":
                operand = self._path(operand)
            elif self.at_word("collate"):
                hint = "Text is compared exactly on every database."
                raise self.fail(self.start, "`collate` is not needed", hint)
            else:
                break
        return operand

    # ------------------------------------------------------------------------------------------- primaries

    def parse_primary(self) -> Operand:
        """Read a literal, a name, a call, or what stands in parentheses."""
        kind, value, start = self.tokens[self.place]
        if kind in ("string", "number", "hex"):
            self.place += 1
            return self.literal(self.place - 1)
        if kind == "quoted":
            self.place += 1
            if self.backend in ("postgresql", "sqlite") and self.known(value):
                return self.attribute(value, start)
            return self.literal(self.place - 1)
        if kind == "tick":
            self.place += 1
            return self.attribute(value, start)
        if kind == "word":
            return self._word(value, start)
        if self.take("("):
            return self._parenthesis(start)
        if kind == "op" and value == "*":
            raise self.fail(start, "`*` stands in count(*) only")
        before = f"before `{value}`" if value else "at the end"
        raise self.fail(start, f"a value is missing {before}")

    def _parenthesis(self, start: int) -> Operand:
        if self._at_query():
            raise self.fail(self.start, "a query inside a text is not read", _ADVICE_QUERY)
        operand = self.parse_or()
        if self.at(","):
            raise self.fail(self.start, "a tuple is not read here", "Restrict by a dict or a list of dicts.")
        self.need(")", "to close the parenthesis")
        return replace(operand, start=start)

    def _at_query(self) -> bool:
        if not self.at_word("select", "with", "values"):
            return False
        return not (self.known(self.tokens[self.place].value) and self._follows_name())

    def _word(self, value: str, start: int) -> Operand:
        word = value.lower()
        if self._called():
            return self._call_or_name(value, word, start)
        following = self.tokens[self.place + 1]
        if self.known(value) and not self._is_keyword(word, following):
            self.place += 1
            return self.attribute(value, start)
        if word == "case":
            self.place += 1
            return self._case(start)
        if word in _CONSTANTS:
            self.place += 1
            return self.constant(*_CONSTANTS[word], start)
        if word in _TYPED and following.kind == "string":
            self.place += 2
            return replace(self.read_as(self.literal(self.place - 1), _TYPED[word]), start=start)
        if word == "interval":
            self.place += 1
            return self.parse_interval(start)
        if word in _MOMENTS:
            self.place += 1
            return self.call({"current_date": "curdate"}.get(word, "now"), [], start)
        if word in ("binary", "distinct"):
            self.place += 1
            return self.parse_unary()
        return self._stray(value, word, start)

    def _is_keyword(self, word: str, following: Token) -> bool:
        """Whether a word that is an attribute, too, must be meant as a word of SQL for what follows it."""
        kind = following.kind
        if word == "case":
            if following.value.lower() == "when":
                return not self.subject
            operand = kind in ("word", "tick", "string", "number", "quoted")
            return operand and not (kind == "word" and following.value.lower() in _FOLLOWING)
        if word == "interval":
            return kind in ("number", "string") or (kind in ("word", "tick") and self.known(following.value))
        return word in _TYPED and kind == "string"

    def _call_or_name(self, value: str, word: str, start: int) -> Operand:
        if word in ("exists", "any", "all", "some"):
            raise self.fail(start, f"`{word}` is not known here", _ADVICE_QUERY)
        if word in ("not", "case", "binary", "interval"):
            self.place += 1
            handlers = {
                "not": lambda: self._not(self.parse_not()),
                "case": lambda: self._case(start),
                "binary": self.parse_unary,
                "interval": lambda: self.parse_interval(start),
            }
            return handlers[word]()
        if word in _CLOSERS or word in ("in", "like", "between", "is", "select"):
            raise self.fail(start, f"a value is missing before `{value}`")
        self.place += 2
        return self.parse_call(word, value, start)

    def _stray(self, value: str, word: str, start: int) -> Operand:
        if word in (
            "select",
            "insert",
            "update",
            "delete",
            "drop",
            "create",
            "alter",
            "with",
            "truncate",
            "grant",
        ):
            raise self.fail(start, f"a statement is refused (`{value}`)", _ADVICE_QUERY)
        if word in _CLOSERS or word in ("in", "like", "between", "is"):
            raise self.fail(start, f"a value is missing before `{value}`")
        return self.attribute(value, start)

    def attribute(self, name: str, start: int) -> Operand:
        """Return the operand of an attribute, or raise the error that it does not exist."""
        attribute = self.find(name)
        self.names[attribute.name] = None
        label = f"`{attribute.name}`"
        return Operand(Name(attribute.name), attribute.dtype, start, attribute.nullable, label=label)

    def _case(self, start: int) -> Operand:
        self.subject += 1
        subject = None if self.at_word("when") else self.parse_or()
        self.subject -= 1
        branches: list[tuple[Operand, Operand]] = []
        while self.take_word("when"):
            condition = self.parse_or()
            if subject is not None:
                condition = self.compare("=", subject, condition)
            self.need_word("then", "after `when …`")
            branches.append((condition, self.parse_or()))
        if not branches:
            raise self.fail(self.start, "`when` is missing after `case`")
        otherwise = self.parse_or() if self.take_word("else") else None
        self.need_word("end", "to close `case`")
        return self.case(branches, otherwise, start)

    def parse_interval(self, start: int) -> Operand:
        """Read ``interval 3 day``, ``interval '3' day``, ``interval '3 days'``."""
        token = self.tokens[self.place]
        if token.kind == "string" and " " in token.value.strip():
            amount, _, unit = token.value.strip().partition(" ")
            self.place += 1
            if not amount.lstrip("+-").isdigit():
                raise self.fail(token.start, "an interval is a whole number and a unit")
            count = self.constant(int(amount), INT64, token.start)
            return self._interval(count, self.unit(unit.strip(), token.start), start)
        count = self.fit("int", self.parse_level(4), "interval")
        unit_token = self.tokens[self.place]
        self.place += 1
        return self._interval(count, self.unit(unit_token.value, unit_token.start), start)

    def _interval(self, count: Operand, unit: str, start: int) -> Operand:
        return Operand(Interval(count.expression, unit), INTERVAL, start, count.nullable, count.aggregate,
                       label="the interval")  # fmt: skip

    def unit(self, word: str, start: int) -> str:
        """Return a unit of time in the singular."""
        unit = word.lower().removesuffix("s")
        if unit not in UNITS:
            raise self.fail(start, f"`{word}` is no unit of time", f"Units: {', '.join(UNITS)}.")
        return unit

    def parse_type(self) -> AttributeType:
        """Read a type after ``as``, ``::`` or ``:``."""
        token = self.tokens[self.place]
        if token.kind != "word":
            raise self.fail(token.start, "a type is missing")
        self.place += 1
        word = token.value.lower()
        if word == "double":
            self.take_word("precision")
        if word in ("signed", "unsigned"):
            self.take_word("integer", "int")
        numbers: list[str] = []
        if self.take("("):
            while self.tokens[self.place].kind == "number":
                numbers.append(self.tokens[self.place].value)
                self.place += 1
                self.take(",")
            self.need(")", "after the size of the type")
        return self._type(_CASTS.get(word, word), numbers, token.start)

    def _type(self, word: str, numbers: list[str], start: int) -> AttributeType:
        if word == "text":
            return TEXT
        if word == "decimal" and not numbers:
            numbers = ["10", "0"]
        sized = word in ("decimal", "datetime") and numbers
        try:
            dtype = parse_type(f"{word}({','.join(numbers)})" if sized else word)
        except UnknownTypeError:
            dtype = NULL
        if family(dtype) in ("null", "opaque", "json", "bytes"):
            raise self.fail(
                start,
                f"nothing can be converted to `{word}` here",
                "Types: signed, double, decimal(p,s), char, date, datetime(n), time, bool, uuid.",
            )
        return dtype

    # ------------------------------------------------------------------------------------------- JSON paths

    def _path(self, operand: Operand) -> Operand:
        steps: list[str | int] = []
        while True:
            if self.take("."):
                token = self.tokens[self.place]
                if token.kind not in ("word", "quoted", "tick"):
                    raise self.fail(token.start, "a key is missing in the path")
                self.place += 1
                steps.append(token.value)
            elif self.take("["):
                token = self.tokens[self.place]
                if token.kind != "number" or not token.value.isdigit():
                    raise self.fail(token.start, "an index is a whole number")
                self.place += 1
                self.need("]", "after the index")
                steps.append(int(token.value))
            else:
                break
        dtype = self.parse_type() if self.take(":") else None
        return self.at_path(operand, steps, dtype)

    def _arrow(self, operand: Operand) -> Operand:
        self.place += 1
        token = self.tokens[self.place]
        self.place += 1
        if family(operand.dtype) != "json" and not operand.loose:
            raise self.fail(operand.start, f"{operand.name} is {operand.dtype.text}, not json")
        if token.kind == "number" and token.value.isdigit():
            return self.at_path(operand, [int(token.value)], None)
        if token.kind not in ("string", "quoted"):
            raise self.fail(token.start, "a path in quotes is missing after `->`")
        if token.value.startswith("$"):
            return self.at_path(operand, self.steps(token.value, token.start), None)
        return self.at_path(operand, [token.value], None)

    def at_path(self, operand: Operand, steps: list[str | int], dtype: AttributeType | None) -> Operand:
        """Return what is at a path inside a JSON operand."""
        base = operand.expression
        if isinstance(base, JsonPath):
            steps = [*base.path, *steps]
            base = base.argument
        path = JsonPath(base, tuple(steps), TEXT)
        loose = Operand(
            path, TEXT, operand.start, aggregate=operand.aggregate, loose=True, label=operand.label
        )
        return (
            loose
            if dtype is None
            else self.tighten(loose, dtype)
            if family(dtype) in ("bool", "text")
            else (self.cast(self.tighten(loose, dtype), dtype))
        )

"""SQL is written in `sql` and `backends` only (and shown in `testing`)."""

import ast
import re

import pytest

WRITERS = {"sql", "backends", "testing"}
PATTERN = re.compile(
    r"""\s*(
      (select|SELECT)\s[\s\S]*\s(from|FROM)\b | (insert|INSERT)\s+(into|INTO|ignore|IGNORE|or|OR)\b
    | (replace|REPLACE)\s+(into|INTO)\b | (update|UPDATE)\s+\S+\s+(set|SET)\b
    | (delete|DELETE)\s+(from|FROM)\b
    | (create|CREATE)\s+(table|TABLE|schema|SCHEMA|database|DATABASE|index|INDEX|unique|UNIQUE|view|VIEW|temp)
    | (alter|ALTER)\s+(table|TABLE|schema|SCHEMA)\b
    | (drop|DROP)\s+(table|TABLE|schema|SCHEMA|database|DATABASE)\b
    | PRAGMA\s | SAVEPOINT\s | (BEGIN|COMMIT|ROLLBACK|START\ TRANSACTION)\b
    )""",
    re.VERBOSE,
)


def docstrings(tree):
    """The nodes of strings that stand alone: documentation, never sent."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def texts(tree):
    """Give (node, beginning of the text) of every string and f-string; a name in an f-string reads as `x`."""
    skipped = docstrings(tree) | {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node, "".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node, node.value


def test_sql_is_written_in_its_place(modules):
    found = [
        f"{m.where(node)} {text[:40]!r}"
        for m in modules
        if m.area not in WRITERS
        for node, text in texts(m.tree)
        if PATTERN.match(text)
    ]
    assert [] == found


@pytest.mark.parametrize(
    ("text", "is_sql"),
    [
        ("SELECT 1 FROM t", True),
        ("insert into t values (1)", True),
        ("update x set a = 1", True),
        ("CREATE TABLE x (a int)", True),
        ("Delete from master instead", False),
        ("select a backend by name", False),
        ("update1 needs the whole key", False),
    ],
)
def test_the_pattern(text, is_sql):
    assert is_sql == bool(PATTERN.match(text))


NAMED = re.compile(r"(dialect|backend)\.name\s*(==|!=|in\b)")


def test_capabilities_are_asked_for_not_names(modules):
    """Code above `sql` asks what a database can do (`dialect.features`), not which one it is."""
    named = [
        f"{module.path.name}:{number}"
        for module in modules
        if module.area not in ("backends", "sql")
        for number, line in enumerate(module.text.splitlines(), 1)
        if NAMED.search(line)
    ]
    assert [] == named

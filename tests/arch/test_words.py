"""The old idiom does not grow: docstrings, comments and pages use the words of `words.csv` no more often.

Each line of the table has a pattern, what to write instead, and how often it may still occur. Lower the number
when you reword a text.
"""

import ast
import csv
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

with (ROOT / "tests" / "arch" / "words.csv").open(encoding="utf-8") as file:
    WORDS = [(row["pattern"], row["instead"], int(row["most"])) for row in csv.DictReader(file)]


def prose(module):
    """Yield (line, text) of the docstrings and comments of a module, without the lines of examples."""
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            for number, line in enumerate(node.value.value.splitlines(), node.lineno):
                if not line.lstrip().startswith((">>>", "...")):
                    yield number, line
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@pytest.fixture(scope="module")
def texts(modules):
    """All lines of prose, with their places."""
    found = [
        (f"{module.path.relative_to(ROOT)}:{number}", line)
        for module in modules
        for number, line in prose(module)
    ]
    for page in sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "ARCHITECTURE.md"]):
        lines = page.read_text(encoding="utf-8").splitlines()
        found += [(f"{page.relative_to(ROOT)}:{number}", line) for number, line in enumerate(lines, 1)]
    return found


@pytest.mark.parametrize(("pattern", "instead", "most"), WORDS)
def test_no_new_use(texts, pattern, instead, most):
    used = [place for place, line in texts if re.search(pattern, line, re.IGNORECASE)]
    assert len(used) <= most, f"write {instead}; used in {used}"

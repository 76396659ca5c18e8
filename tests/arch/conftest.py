"""The source files as syntax trees, for the tests of the architecture."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "datajoint"


@dataclass(frozen=True)
class Module:
    """One source file: dotted `name` below datajoint, `text` and syntax `tree`."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def area(self) -> str:
        """The package or module directly below datajoint."""
        return self.name.partition(".")[0]

    def where(self, node: ast.AST) -> str:
        """Place of a node, as editors read it."""
        return f"{self.path.relative_to(ROOT)}:{node.lineno}"


def _read(path: Path) -> Module:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    name = ".".join(part for part in parts if part != "__init__")
    text = path.read_text(encoding="utf-8")
    return Module(path, name, text, ast.parse(text, str(path)))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def modules() -> list[Module]:
    return [_read(path) for path in sorted(PACKAGE.rglob("*.py"))]

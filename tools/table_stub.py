"""Write src/datajoint/tiers/tiers.pyi: what type checkers know of table classes.

    python tools/table_stub.py [--check]

Using a table class is using an instance of it: `Session.insert1(row)`, `Session.fetch1()`. The metaclass does
that at run time; no type checker follows it. The stub says the same in words that they know: methods are
class methods, which instances have too, properties are class variables, and the operators of the metaclass
are typed. It is made from the sources, so that signatures are written once.
"""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "datajoint"
STUB = PACKAGE / "tiers" / "tiers.pyi"

TABLE = "table/table.py"
POPULATED = "compute/autopopulate.py"
TRACEABLE = "provenance/traceable.py"
OVERRIDDEN = {"definition", "contents", "checks", "key_source", "make"}
"""Members that classes of users replace: they stay what they are."""

COMMON = {
    "TableMeta": "from datajoint.table.meta import TableMeta",
    "ContentsReport": "from datajoint.tiers.contents import ContentsReport",
    "Iterator": "from collections.abc import Iterator",
    **{name: f"from typing import {name}" for name in ("Any", "ClassVar", "Never", "NoReturn", "TypeVar")},
}

HEAD = '''"""What type checkers know of table classes, written by tools/table_stub.py."""

# The members of a table are declared as those of its class: see the tool.
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# pyright: reportMissingTypeStubs=false

'''
OPERATORS = '''
_T = TypeVar("_T")

class _TableType(TableMeta):
    """Operators on classes."""

    def __and__(cls: type[_T], other: Any) -> _T: ...
    def __sub__(cls: type[_T], other: Any) -> _T: ...
    def __mul__(cls, other: Any) -> QueryExpression: ...
    def __add__(cls, other: Any) -> QueryExpression: ...
    def __xor__(cls, other: Never) -> NoReturn: ...
    def __matmul__(cls, other: Never) -> NoReturn: ...
    def __len__(cls) -> int: ...
    def __bool__(cls) -> bool: ...
    def __contains__(cls, item: Any) -> bool: ...
    def __iter__(cls) -> Iterator[dict[str, Any]]: ...
'''
TIERS = '''
class Manual(UserTable):
    """Rows are entered from outside."""

class Lookup(UserTable):
    """Rows come with the code, as `contents`."""

    contents: Any

    @classmethod
    def update_contents(
        cls, policy: str = "update", *, dry_run: bool = False, prompt: bool | None = None
    ) -> ContentsReport:
        """Bring the stored rows to the `contents` of the class; show which results become stale."""

class Imported(_Populated):
    """Rows are made by `make` from data outside the database."""

class Computed(_Populated):
    """Rows are made by `make` from other tables."""

class Part(UserTable):
    """Rows belong to a row of the master table in whose class this class stands."""

    _master: ClassVar[type[UserTable] | None]
    master: ClassVar[Any]
'''


Source = tuple[ast.Module, str, ast.ClassDef]


def parsed(path: str, name: str) -> Source:
    """Return (tree, module, class)."""
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    module = f"datajoint.{path.removesuffix('.py').replace('/', '.')}"
    return tree, module, next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)


def sources() -> list[Source]:
    """Return the classes that Table is made of, those last whose members win."""
    table = parsed(TABLE, "Table")
    where = {
        alias.name: f"{node.module.removeprefix('datajoint.').replace('.', '/')}.py"
        for node in ast.walk(table[0])
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    bases = [ast.unparse(base) for base in table[2].bases]
    inherited = [parsed("query/base.py", "Queried"), parsed("query/rows.py", "Fetchable")]
    inherited += [parsed("query/expression.py", "QueryExpression"), parsed("table/bound.py", "BoundTable")]
    inherited += [parsed(where[base], base) for base in reversed(bases)]
    return [*inherited, table, parsed(TRACEABLE, "Traceable")]


def members(classes: list[Source]) -> list[str]:
    """Return the declarations of the public members of some classes; of namesakes the last."""
    declared: dict[str, list[str]] = {}
    for _, _, cls in classes:
        declared |= members_of(cls)
    return [text for texts in declared.values() for text in without_implementation(texts)]


def members_of(cls: ast.ClassDef) -> dict[str, list[str]]:
    """Return the declarations of the public members of a class; several for an overloaded method."""
    own: dict[str, list[str]] = {}
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and is_shown(node.name):
            own.setdefault(node.name, []).append(declaration(node))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            name, other = ast.unparse(node.targets[0]), node.value.id
            if is_shown(name) and other in own:
                own[name] = [text.replace(f"def {other}(", f"def {name}(") for text in own[other]]
    return own


def is_shown(name: str) -> bool:
    """Whether a member is for users, and not for them to replace."""
    return not name.startswith("_") and name not in OVERRIDDEN


def without_implementation(texts: list[str]) -> list[str]:
    """Return the declarations of a method; the implementation of overloads is none."""
    return texts if len(texts) == 1 else [text for text in texts if "@overload" in text]


def declaration(node: ast.FunctionDef) -> str:
    """Return a method as class method, a property as class variable."""
    decorators = [ast.unparse(one) for one in node.decorator_list]
    doc = (ast.get_docstring(node) or "").split("\n")[0].replace('"""', "'''")
    returns = ast.unparse(node.returns) if node.returns else "Any"
    if "property" in decorators:
        return f'    {node.name}: ClassVar[{returns}]\n    """{doc}"""'
    (node.args.posonlyargs or node.args.args)[0].arg = "cls"
    for place in ("defaults", "kw_defaults"):
        setattr(node.args, place, [one if one is None else simple(one) for one in getattr(node.args, place)])
    overloaded = "    @overload\n" if "overload" in decorators else ""
    head = f"{overloaded}    @classmethod\n    def {node.name}({ast.unparse(node.args)}) -> {returns}:"
    return f'{head}\n        """{doc}"""' if doc else f"{head} ..."


def simple(default: ast.expr) -> ast.expr:
    """Return a default that a stub may have."""
    return default if isinstance(default, ast.Constant | ast.UnaryOp) else ast.Constant(...)


def _aliased(name: ast.alias) -> str:
    return f"{name.name} as {name.asname}" if name.asname else name.name


def imports(text: str) -> str:
    """Return the imports of the names that the stub uses, as the sources have them."""
    loaded = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    used = {node.id for node in loaded}
    known = dict(COMMON)
    for tree, module, _ in [*sources(), parsed(POPULATED, "AutoPopulate")]:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                known |= {a.asname or a.name: f"from {node.module} import {_aliased(a)}" for a in node.names}
            elif isinstance(node, ast.Import):
                known |= {a.asname or a.name: f"import {a.name} as {a.asname or a.name}" for a in node.names}
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                known[node.name] = f"from {module} import {node.name}"
    return "\n".join(sorted(known[name] for name in used & set(known)))


def write() -> str:
    """Return the text of the stub."""
    body = OPERATORS + "\nclass UserTable(Table, metaclass=_TableType):\n"
    body += '    """Base of the tiers."""\n\n'
    body += "    tier: ClassVar[str]\n    definition: Any\n    checks: Any\n\n"
    body += "\n".join(members(sources()))
    body += "\n\nclass _Populated(UserTable):\n"
    body += '    """Tables whose rows are made by `make`."""\n\n    key_source: Any\n'
    body += "    def make(self, *args: Any, **kwargs: Any) -> Any: ...\n"
    body += "\n".join(members([parsed(POPULATED, "AutoPopulate")])) + "\n" + TIERS
    text = HEAD + imports(body) + "\n" + body
    ruff = Path(sys.executable).parent / "ruff"
    for command in (["check", "--select", "I", "--fix", "--quiet"], ["format", "--quiet"]):
        run = [str(ruff), *command, "--stdin-filename", str(STUB), "-"]
        text = subprocess.run(run, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def main() -> int:
    """Write the stub, or say that it is old."""
    text = write()
    if "--check" not in sys.argv:
        STUB.write_text(text, encoding="utf-8")
        return 0
    if STUB.read_text(encoding="utf-8") == text:
        return 0
    print(f"{STUB.relative_to(ROOT)} does not show the sources: run python tools/table_stub.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())

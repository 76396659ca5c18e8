"""State lives in one object: no `global`, no containers that modules or classes fill as they go."""

import ast

import pytest

MAKERS = {
    "Counter", "OrderedDict", "WeakKeyDictionary", "WeakSet", "WeakValueDictionary", "bytearray",
    "defaultdict", "deque", "dict", "list", "set",
}  # fmt: skip
CHANGERS = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem",
    "remove", "setdefault", "sort", "update",
}  # fmt: skip
BROAD = {"Exception", "BaseException"}
BROAD_LIMIT = (
    5  # around code of users (make, reactions; checks; objects that are looked at, twice), and plug-ins
)

# "module:name" → why this container may change. Registries are written once and never hold connections.
REGISTRIES: dict[str, str] = {
    "storage.memory:_contents": "the objects of stores in memory, which are there to be kept",
    "algebra.text.fragment:_shapes": "a bounded cache of texts that were read; forgetting it is safe",
}


def container(value):
    """Tell whether an expression makes a mutable container."""
    if isinstance(value, ast.Call):
        function = value.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return name in MAKERS
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def empty(value):
    """Tell whether it is made empty: to be filled later."""
    if isinstance(value, ast.Call):
        return not value.args and not value.keywords
    return not (getattr(value, "elts", None) or getattr(value, "keys", None) or hasattr(value, "generators"))


def assigned(body):
    """Give (name, value, node) of the plain assignments of a body."""
    for node in body:
        if isinstance(node, ast.Assign):
            yield from ((t.id, node.value, node) for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
            yield node.target.id, node.value, node


def changed(tree):
    """Names whose content some code of the module changes."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Subscript)
            and not isinstance(node.ctx, ast.Load)
            and isinstance(node.value, ast.Name)
        ):
            yield node.value.id
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CHANGERS
            and isinstance(node.func.value, ast.Name)
        ):
            yield node.func.value.id


def bodies(tree):
    yield tree.body
    yield from (node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def containers(module):
    """Containers at module or class level that are state: empty at first, or changed by name."""
    filled = set(changed(module.tree))
    for body in bodies(module.tree):
        for name, value, node in assigned(body):
            is_constant = name.isupper() and not empty(value) and name not in filled
            if container(value) and not is_constant and not (name.startswith("__") and name.endswith("__")):
                yield name, module.where(node)


def broad(tree):
    """Handlers that catch everything and do not raise it again."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else BROAD
            raises = any(isinstance(n, ast.Raise) for n in ast.walk(ast.Module(node.body, [])))
            if names & BROAD and not raises:
                yield node


def test_no_global_statement(modules):
    assert [] == [m.where(n) for m in modules for n in ast.walk(m.tree) if isinstance(n, ast.Global)]


def test_no_containers_that_are_state(modules):
    found = [where for m in modules for name, where in containers(m) if f"{m.name}:{name}" not in REGISTRIES]
    assert [] == found


def test_no_mutable_argument_defaults(modules):
    found = [
        m.where(node)
        for m in modules
        for node in ast.walk(m.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for default in [*node.args.defaults, *node.args.kw_defaults]
        if default is not None and container(default)
    ]
    assert [] == found


def test_few_broad_excepts(modules):
    places = [m.where(node) for m in modules for node in broad(m.tree)]
    assert len(places) <= BROAD_LIMIT, places


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("TABLE = {'a': 1}", []),
        ("TABLE = {'a': 1}\ndef f(): TABLE['b'] = 2", ["TABLE"]),
        ("seen = []", ["seen"]),
        ("class A:\n    known = set()", ["known"]),
        ("__all__ = ['a']", []),
        ("PAIRS = tuple([1])", []),
    ],
)
def test_the_rule_for_containers(source, expected):
    class Module:
        tree = ast.parse(source)

        @staticmethod
        def where(node):
            return node.lineno

    assert expected == [name for name, _ in containers(Module)]

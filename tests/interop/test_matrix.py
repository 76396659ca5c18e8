"""Every type and codec, every operation, release 2.3.5 and ours, each on the tables of the other.

The same code runs in both clients. What a client does and finds on a table of the other, and on rows of the other, must
be what it does and finds on its own: values and errors. `CANNOT` lists what 2.3.5 cannot do even with its own tables;
then ours does it in its place, so that the operations that follow can be compared. `DIFFERS` lists what is seen to be of
the other client.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from plugins.peer import Client

pytestmark = pytest.mark.backends("postgresql", "mysql")
PEER, OURS = "2.3.5", "ours"

# Type → values, as source text. The first two are stored by the client that declares, the third by the other one.
VALUES = {
    "int8": ["-128", "0", "127"],
    "int16": ["-32768", "1", "32767"],
    "int32": ["-2147483648", "1", "2147483647"],
    "int64": ["-9223372036854775808", "1", "9223372036854775807"],
    "float32": ["15.3", "-0.1", "1e30"],
    "float64": ["0.1", "-1e-300", "1.7976931348623157e308"],
    "bool": ["True", "False", "True"],
    "decimal(8,3)": ["Decimal('1.5')", "Decimal('-99999.999')", "Decimal('0.001')"],
    "char(4)": ["'abcd'", "'ab'", "'ü%'"],
    "varchar(20)": ["''", "'it\\'s \"one\" 100%'", "'Zoë ✓'"],
    "enum('a','b c')": ["'a'", "'b c'", "'a'"],
    "date": ["dt.date(2020, 2, 29)", "dt.date(1970, 1, 1)", "dt.date(9999, 12, 31)"],
    "datetime": ["dt.datetime(2020, 2, 29, 1, 2, 3)", "'1970-01-02 00:00:00'", "dt.datetime(9999, 12, 31)"],
    "datetime(3)": ["'2020-02-29 01:02:03.123'", "dt.datetime(2020, 1, 1)", "'2024-01-01 00:00:00.999'"],
    "datetime(6)": [
        "'2020-02-29 01:02:03.123456'",
        "dt.datetime(2020, 1, 1)",
        "'2024-01-01 00:00:00.999999'",
    ],
    "uuid": ["uuid.UUID(int=5)", "uuid.UUID(int=2**128 - 1)", "uuid.UUID(int=0)"],
    "json": ["{'a': [1, None, 'ü']}", "[1, 2.5, True]", "{'b': {'c': {}}}"],
    "bytes": ["b'\\0\\1'", "b''", "b'mYm'"],
    "<blob>": ["np.arange(6.).reshape(2, 3)", "{'k': [1, 2.5, 'x', None]}", "np.zeros(5000, dtype='int16')"],
    "<attach>": ["file('a.txt', b'hello')", "file('b.bin', bytes(range(256)))", "file('c.txt', b'')"],
    "<blob@main>": ["np.arange(6)", "{'k': (1, {2})}", "np.ones((3, 4), dtype='float32')"],
    "<attach@main>": ["file('a.txt', b'hello')", "file('b.bin', bytes(256))", "file('c.txt', b'c')"],
    "<hash@main>": ["b'bytes'", "b'bytes'", "bytes(5000)"],
    "<npy@main>": ["np.arange(6)", "np.zeros((2, 0))", "np.ones((3, 4), dtype='float32')"],
    "<object@main>": ["b'bytes'", "file('o.txt', b'hello')", "('.bin', b'x')"],
    "<filepath@main>": ["stored('x.dat', b'hello')", "stored('d/y.dat', b'')", "stored('z.dat', b'z')"],
    "smallint": ["-1", "0", "32767"],
    "real": ["0.5", "-0.25", "4"],
    "double": ["0.5", "-0.25", "4"],
    "text": ["''", "'it\\'s \"one\" 100%'", "'" + "ü" * 500 + "'"],
    "time": ["dt.time(1, 2, 3)", "'23:59:59'", "'00:00:00'"],
    "timestamp": ["'2020-02-29 01:02:03'", "dt.datetime(1999, 12, 31)", "'2024-05-06 07:08:09'"],
    "int unsigned": ["0", "1", "4294967295"],
    "longblob": ["b'\\0\\1'", "b'x'", "b'raw'"],
    "year": ["2020", "1999", "2155"],
}
KEYS = {
    "int8": ["-128", "127"],
    "int64": ["-9223372036854775808", "9223372036854775807"],
    "bool": ["False", "True"],
    "decimal(6,2)": ["Decimal('1.50')", "Decimal('-0.01')"],
    "char(3)": ["'abc'", "'x'"],
    "varchar(20)": ["'it\\'s \"a\"'", "'ü'"],  # with a % in the key, 2.3.5 deletes nothing
    "enum('a','b c')": ["'b c'", "'a'"],
    "date": ["dt.date(2020, 2, 29)", "dt.date(1970, 1, 1)"],
    "datetime(3)": ["dt.datetime(2020, 1, 1, 0, 0, 0, 123000)", "dt.datetime(1999, 12, 31)"],
    "uuid": ["uuid.UUID(int=5)", "uuid.UUID(int=2**127)"],
    "int unsigned": ["0", "4294967295"],
}
EXACT = re.compile(r"int|decimal|char|enum|date|bool|uuid|time|year|double")
"""Types whose values are found by a restriction."""

SETUP = """
main = {location!r}
os.makedirs(main, exist_ok=True)
dj.config["stores"] = dict(default="main", main=dict(protocol="file", location=main))
os.makedirs({mine!r} + "/down", exist_ok=True)
dj.config["download_path"] = {mine!r} + "/down"
def file(name, data):
    os.makedirs({mine!r}, exist_ok=True)
    with open(os.path.join({mine!r}, name), "wb") as f:
        f.write(data)
    return f.name
def stored(name, data):
    path = os.path.join(main, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return name
"""


class Bench:
    """Two clients, and for each pair of one that declares and one that uses a schema of its own."""

    def __init__(
        self, clients: Callable[[str], Client], backend: str, names: dict[tuple[str, str], str]
    ) -> None:
        self.clients = {name: clients(name) for name in (PEER, OURS)}
        self.backend = backend
        self.names = names

    def run(self, name: str, declarer: str, user: str, code: str) -> Any:
        """Run code in a client on the schema of a pair: its value, or class and first line of its error."""
        schema = self.names[declarer, user]
        found = self.clients[name].outcome(code.replace("SCHEMA", schema), schema)
        if "error" not in found:
            return _anonymous(found["value"], schema)
        first = f"{found['text']}\n".splitlines()[0]
        return Failed(_anonymous(f"{found['error']}: {first}", schema))


class Failed(str):
    """Text of an error."""

    __slots__ = ()


def _anonymous(value: Any, schema: str) -> Any:
    if isinstance(value, str):
        return value.replace(schema, "SCHEMA").replace(
            '\\"', '"'
        )  # 2.3.5 leaves these in comments of PostgreSQL
    if isinstance(value, list):
        return [_anonymous(item, schema) for item in value]
    if isinstance(value, dict):
        return {_anonymous(key, schema): _anonymous(item, schema) for key, item in value.items()}
    return value


@pytest.fixture
def bench(clients, backend, schema_name, tmp_path) -> Bench:
    names = {(a, b): schema_name(f"{a[0]}{b[0]}") for a in (PEER, OURS) for b in (PEER, OURS)}
    bench = Bench(clients, backend.name, names)
    for name, client in bench.clients.items():
        client(SETUP.format(location=str(tmp_path / "main"), mine=str(tmp_path / name)))
    return bench


DEFINITION = """
    # one value
    k : int32   # number
    ---
    v=null : {type}   # the "value"
"""
OPEN = "m = dj.VirtualModule('m', 'SCHEMA'); T = m.T\n"
CLASS = 'dj.Schema("SCHEMA")(type(dj.Manual)("T", (dj.Manual,), dict(definition={definition!r})))'
# What is done: by the client that declares or by the one that uses, and how; `A`, `B`, `C` are values of the type.
OPERATIONS = [
    ("declare", "declarer", "{class_}"),
    ("fill", "declarer", OPEN + "T.insert([dict(k=1, v={A}), dict(k=2, v={B})]); T.insert1(dict(k=3))"),
    ("open", "user", OPEN + "a = T.heading.attributes['v']\nresult = a.type, a.nullable, str(a.default), a.comment, T.heading.names"),
    ("describe", "user", "result = T.describe()"),
    ("fetch", "user", "result = T.to_dicts(order_by='KEY')"),
    ("query", "user", "result = {equal}, len(T & 'v is null'), len(T - 'v is null')"),
    ("insert", "user", "T.insert1(dict(k=4, v={C})); T.insert([dict(k=5, v=None)])"),
    ("read rows of the other", "declarer", "result = (T & 'k > 3').to_dicts(order_by='KEY')"),
    ("update", "user", "T.update1(dict(k=2, v={C})); T.update1(dict(k=4, v=None))"),
    ("read updates of the other", "declarer", "result = T.to_dicts(order_by='KEY')"),
    ("open by its class", "user", "W = {class_}\nresult = W.describe(), len(W())"),
    ("alter", "user", "W = {wider}\nW.alter(prompt=False)\n" + OPEN + "result = T.describe()"),
    ("use a column of the other", "declarer", OPEN + "T.insert1(dict(k=6, w=7)); result = (T & 'k=6').fetch1()"),
    ("delete", "user", "(T & 'k < 3').delete(prompt=False); result = T.to_arrays('k', order_by='KEY')"),
    ("see deletions of the other", "declarer", "result = T.to_arrays('k', order_by='KEY')"),
    ("drop", "user", "T.drop(prompt=False)"),
    ("see drops of the other", "declarer", "result = dj.Schema('SCHEMA').list_tables()"),
]  # fmt: skip
READ = "fetch|read rows of the other|read updates of the other"
WRITTEN = "fill|insert|update"
# Backend and type → operation → the error of 2.3.5 on tables of its own.
CANNOT = {
    "mysql <(blob|attach)@main>": {WRITTEN: "TypeError: dict can not be used as parameter"},
    "postgresql <attach>": {READ: "AttributeError: 'memoryview' object has no attribute 'index'"},
    "postgresql uuid": {
        WRITTEN: "DatatypeMismatch: column .* is of type uuid but expression is of type bytea",
        READ: "ValueError: bytes is not a 16-char string",
        "query": "UndefinedFunction: operator does not exist: uuid = bit",
    },
    "postgresql uuid key": {".*": "DatatypeMismatch|ValueError|UndefinedFunction"},
    "postgresql (time|timestamp)": {
        "alter": "DataJointError: Unsupported attribute type .* without time zone"
    },
    "postgresql (year|longblob|double)": {"declare": "UndefinedObject: type .* does not exist"},
    "postgresql (int unsigned|int unsigned key)": {
        "declare": 'QuerySyntaxError: .*syntax error at or near "unsigned"'
    },
}
# Backend and type → client and operations that differ on a table of the other client, and why.
DIFFERS = {
    # A column without precision holds microseconds there, and ours says so; ours declares whole seconds (TYP-25).
    "postgresql (datetime|time|timestamp)": "open|describe|open by its class|alter",
    # `real` has 8 bytes in MySQL and 4 in PostgreSQL; ours declares what MySQL means, everywhere.
    "postgresql real": "open|describe|open by its class|alter|fetch|" + READ,
}


def cells(
    bench: Bench, operations: list[tuple[str, str, str]], words: dict[str, str], declarer: str, user: str
) -> dict[tuple[str, str], Any]:
    """Go through operations; return the outcome of each, with the client that did it."""
    found: dict[tuple[str, str], Any] = {}
    for name, who, code in operations:
        actor = declarer if who == "declarer" else user
        text = code.format(**words) if words else code
        found[name, actor] = bench.run(actor, declarer, user, text)
        if actor == PEER and isinstance(found[name, actor], Failed):
            bench.run(OURS, declarer, user, words.get("open", "") * (name != "declare") + text)
    return found


def on_all_pairs(bench: Bench, operations: list[tuple[str, str, str]], words: dict[str, str]) -> Any:
    """Go through operations with each pair of clients that declare and use."""
    return {(a, b): cells(bench, operations, words, a, b) for a in (PEER, OURS) for b in (PEER, OURS)}


def listed(table: dict[str, Any], backend: str, kind: str) -> Any:
    """Return what a table of exceptions has for a type on a backend."""
    return next((row for name, row in table.items() if re.fullmatch(name, f"{backend} {kind}")), {})


def check(bench: Bench, kind: str, found: dict[tuple[str, str], dict[tuple[str, str], Any]]) -> None:
    """Compare what each client did on each table with what it did on its own; errors with the list."""
    cannot, differs = listed(CANNOT, bench.backend, kind), listed(DIFFERS, bench.backend, kind) or ""
    failed: set[str] = set()
    for pair, cells in found.items():
        for (name, actor), value in cells.items():
            where = f"{actor} does `{name}` with {kind} declared by {pair[0]}, used by {pair[1]}"
            own = found[actor, actor][name, actor]
            if actor == PEER and isinstance(own, Failed):
                expected = next(
                    (text for names, text in cannot.items() if re.fullmatch(names, name)), "nothing"
                )
                assert re.match(expected, own), f"{where}: {own}"
                failed.add(name)
            else:
                assert not isinstance(value, Failed), f"{where}: {value}"
                if not re.fullmatch(differs, name):
                    assert own == value, where
    for names in cannot:
        assert any(re.fullmatch(names, name) for name in failed), f"{PEER} can do {names} with {kind} now"


@pytest.mark.statement("TYP-15", "TYP-17", "COD-4", "COD-16", "DEF-25", "SCH-7")
@pytest.mark.parametrize("kind", VALUES)
def test_a_type(bench: Bench, kind: str) -> None:
    definition = DEFINITION.format(type=kind)
    values = dict(zip("ABC", VALUES[kind], strict=True))
    words = {
        **values,
        "open": OPEN,
        "class_": CLASS.format(definition=definition),
        "wider": CLASS.format(definition=definition + "    w=null : int32\n"),
        "equal": f"len(T & dict(v={values['A']}))" if EXACT.match(kind) else "''",
    }
    check(bench, kind, on_all_pairs(bench, OPERATIONS, words))


KEY_OPERATIONS = [
    ("declare", "declarer", "T = {class_}\nT.insert1(dict(k={A}))"),
    ("open", "user", "{open}result = T.heading.primary_key, T.describe()"),
    ("declare a child", "user", "{child}\nresult = Child.describe()"),
    ("insert", "user", "{open}T.insert1(dict(k={B})); m.Child.insert([dict(k={A}, i=1), dict(k={B}, i=2)])"),
    ("skip duplicates", "user", "T.insert([dict(k={A}), dict(k={B})], skip_duplicates=True); result = len(T())"),
    ("fetch", "user", "result = (T * m.Child).to_dicts(order_by='i')"),
    ("query", "user", "result = len(T & dict(k={A})), len(m.Child & dict(k={B})), len(T - m.Child), len(T & T.keys())"),
    ("read rows of the other", "declarer", "{open}result = (T * m.Child).to_dicts(order_by='i')"),
    ("delete", "declarer", "(T & dict(k={A})).delete(prompt=False); result = len(T()), len(m.Child())"),
    ("see deletions of the other", "user", "result = m.Child.to_dicts()"),
    ("drop", "declarer", "T.drop(prompt=False); result = dj.Schema('SCHEMA').list_tables()"),
]  # fmt: skip


@pytest.mark.statement("FK-6", "LIN-6", "DEL-1", "TYP-15")
@pytest.mark.parametrize("kind", KEYS)
def test_a_type_of_keys(bench: Bench, kind: str) -> None:
    child = 'Child = dj.Schema("SCHEMA")(type(dj.Manual)("Child", (dj.Manual,), dict(definition="-> m.T\\n---\\ni : int32")))'
    words = {
        **dict(zip("AB", KEYS[kind], strict=True)),
        "open": OPEN,
        "class_": CLASS.format(definition=f"k : {kind}   # key"),
        "child": child,
    }
    check(bench, f"{kind} key", on_all_pairs(bench, KEY_OPERATIONS, words))


PIPELINE = '''
s = dj.Schema("SCHEMA")
@s
class Subject(dj.Manual):
    definition = """
    subject : int32
    ---
    x : float64
    """
@s
class Method(dj.Lookup):
    definition = "method : varchar(8)"
    contents = [("a",), ("b",)]
@s
class Fit(dj.Computed):
    definition = """
    -> Subject
    -> Method
    ---
    y : float64
    """
    class Peak(dj.Part):
        definition = """
        -> master
        peak : int16
        """
    def make(self, key):
        x = (Subject & key).fetch1("x")
        if x < 0:
            raise ValueError("x is negative")
        self.insert1(dict(key, y=2 * x))
        self.Peak.insert1(dict(key, peak=1))
'''
RESULT = "result = (Fit * Fit.Peak).to_dicts(order_by='KEY')"
STATES = "result = sorted((r['subject'], r['method'], r['status'], r['error_message']) for r in Fit.jobs.to_dicts())"
FILLED = ("declare", "declarer", PIPELINE + "Subject.insert([(1, 1.5), (2, -1), (3, 3)])")
SCENARIOS = {
    "populate": [
        FILLED,
        ("populate", "user", PIPELINE + "Fit.populate(dict(subject=1)); result = len(Fit()), Fit.progress(display=False)"),
        ("read rows of the other", "declarer", RESULT),
        ("populate too", "declarer", "Fit.populate('subject <> 2'); " + RESULT),
        ("see them", "user", RESULT),
        ("delete", "user", "(Subject & 'subject = 1').delete(prompt=False); result = len(Fit()), len(Fit.Peak())"),
        ("see deletions of the other", "declarer", RESULT),
    ],
    "jobs": [
        FILLED,
        ("refresh", "declarer", "Fit.jobs.refresh(); " + STATES),
        ("see jobs", "user", PIPELINE + STATES),
        ("refresh too", "user", "Fit.jobs.refresh(); " + STATES),
        ("reserved", "user", "Fit.populate(reserve_jobs=True, suppress_errors=True, max_calls=3)\nresult = len(Fit.jobs.errors), len(Fit.jobs.pending) + len(Fit())"),
        ("on with it", "declarer", "Fit.populate(reserve_jobs=True, suppress_errors=True)\n" + STATES),
        ("results", "user", RESULT),
        ("errors", "user", "result = [(r['error_message'], 'negative' in str(r['error_stack'])) for r in Fit.jobs.errors.to_dicts()]"),
        ("clear", "user", "Fit.jobs.errors.delete(); (Subject & 'subject = 2').delete(prompt=False); " + STATES),
        ("none left", "declarer", "Fit.jobs.refresh(); " + STATES),
        ("ignore", "user", "Subject.insert1((4, 4)); Fit.jobs.ignore(dict(subject=4, method='a')); Fit.populate(reserve_jobs=True); " + STATES),
        ("ignored", "declarer", "Fit.populate(reserve_jobs=True); " + RESULT),
    ],
    "virtual schema": [
        FILLED,
        ("names", "user", "m = dj.VirtualModule('m', 'SCHEMA')\nresult = sorted(n for n in ('Subject', 'Method', 'Fit') if hasattr(m, n)), sorted(dj.Schema('SCHEMA').list_tables())"),
        ("tiers", "user", "result = [m.Subject.__mro__[1].__name__, m.Method.__mro__[1].__name__, m.Fit.__mro__[1].__name__, m.Fit.Peak.__mro__[1].__name__]"),
        ("describe", "user", "result = [t.describe().replace('m.', '') for t in (m.Subject, m.Method, m.Fit, m.Fit.Peak)]"),
        ("graph", "user", "result = m.Fit().parents(), m.Subject().children(), sorted(m.Subject().descendants()), m.Fit().parts()"),
        ("lineage", "user", "result = [m.Fit.Peak.heading.attributes[n].lineage for n in m.Fit.Peak.heading.names]"),
        ("join", "user", "result = len(m.Subject * m.Method - m.Fit), len(m.Subject.aggr(m.Fit, n='count(*)'))"),
        ("make_classes", "user", "space = dict(); dj.Schema('SCHEMA').make_classes(space); result = sorted(space)"),
        ("diagram", "user", "result = sorted(n for n in dj.Diagram(dj.Schema('SCHEMA')).nodes if 'SCHEMA' in n)"),
        ("free table", "user", "result = dj.FreeTable(dj.conn(), 'SCHEMA.subject').to_dicts(order_by='KEY')"),
    ],
    "schema": [
        FILLED,
        ("extend", "user", PIPELINE + '@s\nclass More(dj.Manual):\n    definition = """\n    more : int32\n    ---\n    -> [nullable] Subject\n    index (more, subject)\n    """\nMore.insert([(1, 1), (2, None)]); result = More.describe()'),
        ("read what the other added", "declarer", "m = dj.VirtualModule('m', 'SCHEMA'); result = m.More.to_dicts(order_by='KEY'), m.More.describe()"),
        ("alter a table", "user", 'Method.definition = "method : varchar(8)\\n---\\nnote=\'\' : varchar(9)"\nMethod.alter(prompt=False); result = Method.describe()'),
        ("see it altered", "declarer", "m = dj.VirtualModule('m', 'SCHEMA'); m.Method.insert1(('c', 'x')); result = m.Method.describe(), m.Method.to_dicts(order_by='KEY')"),
        ("drop a table", "user", "Fit.drop(prompt=False); result = sorted(dj.Schema('SCHEMA').list_tables())"),
        ("drop the schema", "user", "dj.Schema('SCHEMA').drop(prompt=False); result = 'SCHEMA' in dj.list_schemas()"),
        ("see it dropped", "declarer", "result = 'SCHEMA' in dj.list_schemas()"),
    ],
    "garbage": [
        ("declare", "declarer", 's = dj.Schema("SCHEMA")\n@s\nclass Scan(dj.Manual):\n    definition = "scan : int32\\n---\\nv : <hash@main>"'),
        ("fill", "declarer", "Scan.insert([dict(scan=i, v=bytes([i]) * 40) for i in (1, 2, 3)]); (Scan & 'scan=3').delete(prompt=False)"),
        ("collect", "user", "from datajoint.gc import GarbageCollector\nr = GarbageCollector(dj.Schema('SCHEMA'), store='main').collect(dry_run=False)\nresult = r['deleted']"),
        ("live objects", "declarer", "result = Scan.to_dicts(order_by='KEY')"),
    ],
}  # fmt: skip


@pytest.mark.statement("POP-1", "JOB-1", "SCH-7", "DEF-25", "DEL-9", "STO-9")
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_pipeline(bench: Bench, name: str) -> None:
    check(bench, name, on_all_pairs(bench, SCENARIOS[name], {}))

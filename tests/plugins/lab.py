"""A small laboratory to ask questions about: `lab`, made once per backend, only ever read.

Its rows are the Python data below, so that a test can compute what it expects. There are NULLs, two references
to one parent under other names, a part table, references outside the key, an empty table, a table without a key,
and texts that are easily spoiled.
"""

# ruff: noqa: DTZ001 - datetimes are naive UTC by convention

import datetime as dt
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from plugins.backends import drop_schemas
from plugins.servers import Server

Row = dict[str, Any]

NASTY = ["plain", "it's", 'say "hi"', "back\\slash", "100% of %s", "žluťoučký 犬 🐁", "a\nb\tc", "", " x "]

ROWS: dict[str, list[Row]] = {
    "Subject": [
        {
            "subject_id": n,
            "name": NASTY[n],
            "species": ["mouse", "rat", "it's"][n % 3],
            "weight": [18.25, None, -0.5, 1e300, 0.0, None, 18.25, 2.5, None][n],
            "born": None if n % 3 == 0 else dt.date(2024, 1, n),
            "tag": None if n == 1 else UUID(int=n),
            "nick": [None, "Zoe", "zoe", "Ábel", None, "abel", "", "Zoe", None][n],
        }
        for n in range(9)
    ],
    "User": [
        {"user": "ann", "full_name": "Ann O'Neil"},
        {"user": "bob", "full_name": "Bob \\ Böb"},
        {"user": "cyd", "full_name": ""},
    ],
    "Session": [
        {"subject_id": s, "session": k, "day": dt.date(2024, 2, 1 + (s + k) % 4),
         "started": None if k == 2 else dt.datetime(2024, 2, 1 + s, 12, 30, 0, 1000 * 125 * k),
         "experimenter": [None, "ann", "bob"][(s + k) % 3], "analyst": ["bob", None, "ann", "ann"][(2 * s + k) % 4],
         "score": [Decimal("1.50"), None, Decimal("-20.25"), Decimal("1.05")][(s * k) % 4],
         "note": ["", "ok", "50% \\ o'clock"][k % 3], "good": [None, True, False][s % 3]}
        for s in (1, 2, 3, 5) for k in range(1, s + 1)
    ],
    "Trial": [
        {"subject_id": s, "session": k, "trial": t, "rt": None if t == 2 else 0.25 * t + s,
         "outcome": "hit" if t % 2 else "miss"}
        for s, k in ((1, 1), (2, 1), (2, 2), (3, 3)) for t in range(1, 4)
    ],
    "Recording": [
        {"recording_id": 10**12 + n, "subject_id": s, "session": k, "path": f"C:\\data\\{n}%.bin",
         "level": None if n % 2 else n / 8}
        for n, (s, k) in enumerate([(1, 1), (2, 1), (2, 1), (3, 2), (5, 5)])
    ],
    "Loan": [
        {"loan": 1, "subject_id": 2, "recording_id": None},
        {"loan": 2, "subject_id": None, "recording_id": 10**12},
        {"loan": 3, "subject_id": 2, "recording_id": 10**12 + 4},
        {"loan": 4, "subject_id": 7, "recording_id": None},
        {"loan": 5, "subject_id": 1, "recording_id": 10**12},
    ],
    "Ghost": [],
    "Setup": [{"rig": "north", "volts": 5}],
    "Document": [
        {"document": 1, "content": {"a": {"b": [5, "x"]}, "n": 2.5, "s": "it's"}, "trace": np.arange(6).reshape(1, 6)},
        {"document": 2, "content": {"a": {"b": [7]}, "n": None}, "trace": {"x": [1, "two"]}},
        {"document": 3, "content": None, "trace": None},
        {"document": 4, "content": [1, 2], "trace": np.ones((1, 3, 1))},
    ],
}  # fmt: skip


class Lab(SimpleNamespace):
    """Tables by name, `schema`, `rows` by table name."""

    def __repr__(self) -> str:
        return "the laboratory"


def declare(dj: Any, schema: Any) -> Lab:
    """Declare the tables in a schema, without rows, and return them by name."""

    @schema
    class Subject(dj.Manual):
        definition = """
        # animals
        subject_id : int32
        ---
        name : varchar(40)
        species : enum('mouse', 'rat', "it's")
        weight=null : float64    # grams
        born=null : date
        tag=null : uuid
        nick=null : varchar(20)
        """

    @schema
    class User(dj.Manual):
        definition = """
        user : varchar(12)
        ---
        full_name : varchar(60)
        """

    @schema
    class Session(dj.Manual):
        definition = """
        -> Subject
        session : int16
        ---
        day : date
        started=null : datetime(3)
        -> [nullable] User.proj(experimenter='user')
        -> [nullable] User.proj(analyst='user')
        score=null : decimal(6,2)
        note='' : varchar(60)
        good=null : bool
        """

        class Trial(dj.Part):
            definition = """
            -> master
            trial : int16
            ---
            rt=null : float64
            outcome : enum('hit', 'miss')
            """

    @schema
    class Recording(dj.Manual):
        definition = """
        recording_id : int64
        ---
        -> Session
        path : varchar(60)
        level=null : float32
        """

    @schema
    class Loan(dj.Manual):
        definition = """
        loan : int16
        ---
        -> [nullable] Subject
        -> [nullable] Recording
        """

    @schema
    class Ghost(dj.Manual):
        definition = """
        -> Subject
        ghost : int32
        ---
        volume=null : float64
        """

    @schema
    class Setup(dj.Manual):
        definition = """
        ---
        rig : varchar(20)
        volts : int32
        """

    @schema
    class Document(dj.Manual):
        definition = """
        document : int32
        ---
        content=null : json
        trace=null : <blob>
        """

    return Lab(
        Subject=Subject, User=User, Session=Session, Trial=Session.Trial, Recording=Recording, Loan=Loan, Ghost=Ghost,
        Setup=Setup, Document=Document, schema=schema, rows=ROWS,
    )  # fmt: skip


def fill(tables: Lab) -> None:
    """Insert the rows."""
    for name, rows in ROWS.items():
        if rows:
            getattr(tables, name)().insert(rows)


@pytest.fixture(scope="session")
def open_database(
    backend: Server, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Callable[[], Any]]:
    """Give a function that opens an instance and an empty schema of it; both end with the session."""
    import datajoint as dj

    instances: list[Any] = []
    names: list[str] = []

    def open_one() -> Any:
        where = backend.settings
        if backend.name == "sqlite":
            where = {**where, "database__name": str(tmp_path_factory.mktemp("lab") / "lab.db")}
        instance = dj.Instance(**where, safemode=False)
        instances.append(instance)
        names.append(f"djt_{secrets.token_hex(4)}_lab")
        return instance.Schema(names[-1])

    yield open_one
    for instance in instances:
        with suppress(Exception):
            instance.connection.close()
    drop_schemas(backend, names, pytestconfig)


@pytest.fixture(scope="session")
def lab(open_database: Callable[[], Any]) -> Lab:
    """Give the laboratory: tables by name, `rows` by table name, `schema`."""
    import datajoint as dj

    tables = declare(dj, open_database())
    fill(tables)
    return tables


def value_of(value: Any) -> str:
    """Return a spelling of a value that tells type and content."""
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {value.tolist()}"
    if isinstance(value, Decimal):
        text = f"{value:f}".lstrip("-")
        short = text.rstrip("0").rstrip(".") if "." in text else text
        return "Decimal " + "-" * (value < 0) + short
    if isinstance(value, float) and value == 0:  # no backend is asked to tell the two zeros apart
        value = 0.0
    return f"{type(value).__name__} {value!r}"


def bag(rows: Any) -> Counter[tuple[tuple[str, str], ...]]:
    """Return rows as a multiset that tells values of different types apart."""
    return Counter(tuple(sorted((name, value_of(value)) for name, value in row.items())) for row in rows)


def pick(rows: Any, *names: str, **renamed: str) -> list[Row]:
    """Return some attributes of rows, and others under new names."""
    return [{**{n: row[n] for n in names}, **{new: row[old] for new, old in renamed.items()}} for row in rows]


def matches(row: Row, other: Row, *names: str) -> bool:
    """Whether two rows are equal, and not NULL, on some attributes."""
    return all(row[name] is not None and row[name] == other[name] for name in names)


def join(rows: Any, others: Any, *names: str) -> list[Row]:
    """Return the pairs of rows that match on some attributes."""
    return [{**other, **row} for row in rows for other in others if matches(row, other, *names)]

"""Servers, databases and users with other defaults: what is said and stored means the same."""

# ruff: noqa: DTZ001 - what is stored is naive

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import datajoint as dj

NASTY = [
    "plain", "it's", 'say "hi"', "back\\slash", "\\", "\\'", "''", "100% of %s", "žluťoučký 犬 🐁", "a\nb\tc", "\\n", "", " x ", "x",
    "X", "é", "e", "`tick`", "$1", "E'x'", "; drop table x; -- ", "\x01\x7f",
]  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:.*times with a zone")
WHEN = dt.datetime(2024, 3, 31, 2, 30, 15, 123456)  # an hour that some zones do not have
MAYDAY = dt.date(2024, 5, 4)


def meaning(instance: Any, name: str) -> dict[str, Any]:
    """Say and store much, and return what came of it."""
    schema = instance.Schema(name)

    @schema
    class Parent(dj.Manual):
        definition = """
        # it's a "table" with 100% \\ of `marks`
        word : varchar(60)   # the word's own "comment" \\
        ---
        note = "it's so \\ %" : varchar(40)
        kind = "it's" : enum('plain', "it's", 'back\\slash')
        """

    @schema
    class Child(dj.Manual):
        definition = """
        -> Parent
        number : int16
        ---
        happened = null : datetime(6)
        day = '2024-05-04' : date
        exact = null : decimal(12,4)
        ratio = null : float64
        small = null : float32
        yes = null : bool
        id = null : uuid
        facts = null : json
        raw = null : bytes
        thing = null : <blob>
        """

    Parent.insert([{"word": word} for word in NASTY])
    Parent.update1({"word": "back\\slash", "kind": "back\\slash", "note": "\\"})
    Child.insert1(
        {
            "word": "it's", "number": 1, "happened": WHEN, "exact": Decimal("-12345678.9001"),
            "ratio": 1e-300, "small": 0.1, "yes": True, "id": UUID(int=7), "facts": {"a": ["\\", "'", '"', "%", None]},
            "raw": bytes(range(256)), "thing": np.arange(6, dtype=np.int16).reshape(2, 3),
        }
    )  # fmt: skip
    Child.insert([{"word": word, "number": 2, "happened": dt.datetime(2024, 5, 4, 23, 0)} for word in NASTY])
    Child.insert1(
        {
            "word": "x",
            "number": 3,
            "happened": dt.datetime(2024, 5, 4, 23, tzinfo=dt.timezone(-dt.timedelta(hours=3))),
        }
    )
    found = {
        "words": sorted(Parent.to_arrays("word")),
        "each alone": [list((Parent & {"word": word}).to_arrays("word")) for word in NASTY],
        "as a list": sorted((Parent & [{"word": word} for word in NASTY[:9]]).to_arrays("word")),
        "in a list": len(Parent & {"word": "\\"} & [{"note": "it's so \\ %"}]),
        "defaults": sorted({*Parent.to_arrays("note")}) + sorted({*Parent.to_arrays("kind")}),
        "in text": [
            len(Parent & "word = 'it''s'"), len(Parent & "word = 'x'"), len(Parent & 'word = "x"'),
            len(Parent & "word like '%x%'"), len(Parent & "word like 'back%'"), len(Parent & "word in ('é', 'X')"),
        ],
        "kind": [len(Parent & {"kind": kind}) for kind in ("plain", "it's", "back\\slash")],
        "row": {k: v for k, v in (Child & {"number": 1}).fetch1().items() if k != "thing"},
        "thing": (Child & {"number": 1}).fetch1("thing").tolist(),
        "days": sorted({*map(str, Child.to_arrays("day"))}),
        "by day": [
            len(Child & {"day": MAYDAY}), len(Child & "day = '2024-05-04'"), len(Child & "happened > '2024-05-04 22:59:59'"),
            len(Child & {"happened": WHEN}), len(Child & "happened = '2024-03-31 02:30:15.123456'"),
        ],
        "zoned": (Child & {"number": 3}).fetch1("happened"),
        "by value": [
            len(Child & {"id": UUID(int=7)}), len(Child & {"yes": True}), len(Child & {"exact": Decimal("-12345678.9001")}),
            len(Child & {"ratio": 1e-300}), len(Child & {"small": 0.1}),
        ],
        "parts": (Child & {"number": 1}).proj(
            y="year(happened)", m="month(happened)", h="hour(happened)", half="number / 2", glued="concat(word, '\\\\')"
        ).to_dicts(),
        "described": [Parent.describe(), Child.describe()],
        "described anew": instance.virtual_schema(name).Parent.describe(),
        "counted": Parent.aggr(Child, n="count(number)", last="max(happened)").to_dicts(order_by="word")[3],
    }  # fmt: skip
    for word in NASTY[1:9]:
        found["gone", word] = [(Parent & {"word": word}).delete(), len(Parent()), len(Child())]
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    started = instance.FreeTable(f"{name}.~events").to_arrays("started")
    found["events are in UTC"] = all(
        abs(now - moment.item()) < dt.timedelta(minutes=5) for moment in started.astype("M8[us]")
    )
    with pytest.raises(dj.errors.DuplicateError) as caught:
        Parent.insert1({"word": "x"})
    found["refused"] = str(caught.value)
    for row in ({"word": "a" * 61}, {"word": "b", "kind": "none"}):
        with pytest.raises(dj.DataJointError) as caught:
            Parent.insert1(row)
        found["refused", str(row)[:20]] = str(caught.value)
    return found


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    """What it means without a server."""
    with dj.Instance(backend="sqlite", database__name=":memory:", safemode=False).connection:
        pass
    return meaning(dj.Instance(backend="sqlite", database__name=":memory:", safemode=False), "modes")


@pytest.fixture
def check(expected: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Give a function that compares, one thing at a time."""

    def compare(found: dict[str, Any]) -> None:
        for what, value in expected.items():
            assert (what, value) == (what, found[what])

    return compare


POSTGRESQL = {
    "strings": {
        "standard_conforming_strings": "off",
        "backslash_quote": "on",
        "escape_string_warning": "off",
    },
    "bytes": {"bytea_output": "escape"},
    "dates": {"datestyle": "'SQL, DMY'", "intervalstyle": "'sql_standard'", "timezone": "'Asia/Karachi'"},
    "german": {"datestyle": "'German, YMD'", "intervalstyle": "'iso_8601'", "timezone": "'America/New_York'"},
    "search path": {"search_path": "somewhere, public"},
    "nulls": {"transform_null_equals": "on", "array_nulls": "off", "quote_all_identifiers": "on"},
    "floats": {"extra_float_digits": "-5"},
    "isolation": {"default_transaction_isolation": "'serializable'", "default_transaction_deferrable": "on"},
    "encoding": {"client_encoding": "'LATIN1'"},
    "xml and planner": {
        "xmloption": "document",
        "plan_cache_mode": "force_generic_plan",
        "from_collapse_limit": "1",
    },
}


@pytest.mark.statement("TYP-20", "TYP-21", "QRY-21", "DEF-13", "CFG-12")
@pytest.mark.backends("postgresql")
@pytest.mark.parametrize("mode", POSTGRESQL)
def test_users_of_postgresql_with_other_defaults(
    mode: str, check: Any, new_user: Any, connect: Any, schema_name: Any, administer: Any
) -> None:
    user = new_user()
    for name, value in POSTGRESQL[mode].items():
        user.set(name, value)
    administer(f"grant create on database postgres to {user.name}")
    check(meaning(connect(**user.login), schema_name()))


MARIADB = {
    "ansi quotes": "ANSI_QUOTES,STRICT_ALL_TABLES",
    "no backslash escapes": "NO_BACKSLASH_ESCAPES",
    "ansi": "ANSI,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE,NO_UNSIGNED_SUBTRACTION",
    "lax": "",
    "oracle": "ORACLE,EMPTY_STRING_IS_NULL",
    "others": "PAD_CHAR_TO_FULL_LENGTH,NO_AUTO_VALUE_ON_ZERO,HIGH_NOT_PRECEDENCE,REAL_AS_FLOAT,TIME_ROUND_FRACTIONAL",
}
VARIABLES = {
    "zone": {"time_zone": "'+05:00'"},
    "far zone": {"time_zone": "'-11:30'"},
    "latin": {
        "character_set_server": "latin1", "collation_server": "latin1_swedish_ci", "character_set_client": "latin1",
        "character_set_connection": "latin1", "character_set_results": "latin1",
    },
    "nocase": {"collation_server": "utf8mb4_general_ci"},
    "isolation": {"tx_isolation": "'REPEATABLE-READ'", "autocommit": "0"},
    "serializable": {"tx_isolation": "'SERIALIZABLE'"},
    "small packets and results": {"group_concat_max_len": "8", "div_precision_increment": "1", "max_sort_length": "8"},
    "null": {"sql_auto_is_null": "1", "explicit_defaults_for_timestamp": "0"},
}  # fmt: skip


@pytest.fixture(scope="module")
def own_mariadb(make_throwaway: Any) -> Iterator[Any]:
    """A MariaDB of our own, whose global variables a test can change."""
    server = make_throwaway("mysql")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def there(own_mariadb: Any) -> Iterator[Callable[[dict[str, str]], Any]]:
    """Give a function that opens an instance there, with other global variables for the time of the test."""
    opened: list[Any] = []
    changed: list[str] = []

    def open_with(variables: dict[str, str]) -> Any:
        changed.extend(variables)
        own_mariadb.run(*(f"set global {name} = {value}" for name, value in variables.items()))
        opened.append(dj.Instance(**own_mariadb.server.settings, safemode=False))
        return opened[-1]

    yield open_with
    for instance in opened:
        with suppress(Exception):
            instance.close()
    own_mariadb.run(*(f"set global {name} = default" for name in changed))


@pytest.mark.statement("TYP-20", "TYP-21", "QRY-21", "DEF-13", "CFG-12")
@pytest.mark.backends("mysql")
@pytest.mark.parametrize("mode", [*MARIADB, *VARIABLES])
def test_mariadb_with_other_defaults(mode: str, check: Any, backend: Any, there: Any) -> None:
    variables = VARIABLES.get(mode) or {"sql_mode": f"'{MARIADB[mode]}'"}
    check(meaning(there(variables), "modes_" + mode.replace(" ", "_")))


@pytest.mark.statement("TYP-20", "SCH-1")
@pytest.mark.backends("mysql")
@pytest.mark.parametrize("mode", ["nocase", "latin"])
def test_a_new_schema_compares_exactly_whatever_the_server_does(mode: str, there: Any) -> None:
    schema = there(VARIABLES[mode]).Schema(f"exact_{mode}")

    @schema
    class Word(dj.Manual):
        definition = "word : varchar(20)"

    words = ["abc", "ABC", "e", "é", "z", "z ", "ß", "ss"]
    Word.insert([{"word": word} for word in words])
    assert sorted(words) == sorted(Word.to_arrays("word"))

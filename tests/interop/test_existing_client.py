"""The existing client and we on one database: each reads, extends and drops what the other declared."""

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import datajoint as dj

pytestmark = pytest.mark.backends("postgresql", "mysql")

SUBJECT = """
# an animal
subject_id : int32   # number
---
name='' : varchar(20)   # what it is called
weight=null : float64
born=null : date
is_old=null : bool
ratio=null : decimal(6,3)
"""
SEX = "sex : enum('M','F','U')\n---\nlong : varchar(12)"
SESSION = """
-> Subject
session : int16
---
-> [nullable] Sex
-> [nullable] Subject.proj(other='subject_id')
started='2020-01-01 00:00:00' : datetime(3)
trace=null : <blob>
info=null : json
raw=null : bytes
index (started)
"""
FIT = "-> Session\n---\nscore : float64"
PEAK = "-> master\npeak : int32\n---\nheight : float32"


def classes(schema: Any, own: Any = dj) -> dict[str, Any]:
    """Declare the pipeline of these tests."""
    scope: dict[str, Any] = {"dj": own}

    def declare(tier: Any, name: str, definition: str, **members: Any) -> None:
        scope[name] = schema(type(tier)(name, (tier,), {"definition": definition, **members}), context=scope)

    declare(dj.Manual, "Subject", SUBJECT)
    declare(dj.Lookup, "Sex", SEX, contents=[("M", "male"), ("F", "female"), ("U", "unknown")])
    declare(dj.Manual, "Session", SESSION)
    peak = type(dj.Part)("Peak", (dj.Part,), {"definition": PEAK})
    declare(dj.Computed, "Fit", FIT, Peak=peak, make=lambda self, key: None)
    return scope


PEER_CLASSES = f"""
import json, numpy as np, datetime
schema = dj.Schema(NAME)
@schema
class Subject(dj.Manual):
    definition = {SUBJECT!r}
@schema
class Sex(dj.Lookup):
    definition = {SEX!r}
    contents = [("M", "male"), ("F", "female"), ("U", "unknown")]
@schema
class Session(dj.Manual):
    definition = {SESSION!r}
@schema
class Fit(dj.Computed):
    definition = {FIT!r}
    class Peak(dj.Part):
        definition = {PEAK!r}
    def make(self, key):
        self.insert1(dict(key, score=1.5))
        self.Peak.insert1(dict(key, peak=1, height=2.5))
"""

SESSIONS = [
    {"subject_id": 1, "session": 1, "sex": "F", "other": 2, "started": "2024-02-03 04:05:06.789"},
    {"subject_id": 2, "session": 1},
]


def fill(tables: dict[str, Any]) -> None:
    """Insert rows by us."""
    tables["Subject"].insert(
        [
            {
                "subject_id": 1,
                "name": 'it\'s "one" 100%',
                "weight": 1.25,
                "born": "2020-02-29",
                "is_old": True,
                "ratio": "1.5",
            },
            {"subject_id": 2, "name": "zwei ü"},
        ]
    )
    tables["Session"].insert1(
        {**SESSIONS[0], "trace": np.arange(6).reshape(2, 3), "info": {"a": [1, None]}, "raw": b"\0\1"}
    )
    tables["Session"].insert1(SESSIONS[1])


@pytest.mark.statement("TYP-15", "COD-4", "FK-6", "LIN-6")
def test_the_existing_client_reads_and_extends_ours(schema, schema_name, peer):
    own = schema_name("peer")
    tables = classes(schema)
    fill(tables)
    out = peer(
        f"""
        import json
        m = dj.VirtualModule("m", "{schema.database}")
        rows = (m.Subject & "subject_id=1").to_dicts()[0]
        session = (m.Session & {{"subject_id": 1}}).fetch1()
        joined = len(m.Session * m.Subject.proj())
        m.Subject.insert1({{"subject_id": 3, "name": "theirs", "is_old": False}})
        m.Session.insert1({{"subject_id": 3, "session": 5, "trace": {{"k": [1, 2.5, "x"]}}}})
        (m.Subject & "subject_id=2").delete(prompt=False)
        own = dj.Schema("{own}")
        @own
        class Child(dj.Manual):
            definition = '''
            -> m.Session
            ---
            c : int32
            '''
        Child.insert1({{"subject_id": 3, "session": 5, "c": 9}})
        print(json.dumps({{"name": rows["name"], "weight": rows["weight"], "born": str(rows["born"]), "old": bool(rows["is_old"]),
            "ratio": str(rows["ratio"]), "trace": session["trace"].tolist(), "started": str(session["started"]),
            "joined": joined, "tables": dj.Schema("{schema.database}").list_tables(), "info": session["info"],
            "lineage": m.Session.heading.attributes["other"].lineage, "names": m.Subject.heading.names}}))
        """
    )
    found = json.loads(out.strip().splitlines()[-1])

    assert 'it\'s "one" 100%' == found["name"]
    assert (1.25, "2020-02-29", True) == (found["weight"], found["born"], found["old"])
    assert Decimal("1.500") == Decimal(found["ratio"])
    assert [[0, 1, 2], [3, 4, 5]] == found["trace"]
    assert "2024-02-03 04:05:06.789000" == found["started"]
    assert 2 == found["joined"]
    assert {"a": [1, None]} == (
        found["info"] if isinstance(found["info"], dict) else json.loads(found["info"])
    )
    assert {"subject", "#sex", "session", "__fit", "__fit__peak"} == set(found["tables"])
    assert f"{schema.database}.subject.subject_id" == found["lineage"]
    assert ["subject_id", "name", "weight", "born", "is_old", "ratio"] == found["names"]

    # What they changed is what we see: rows, a cascade, and a table of theirs that refers to ours.
    assert {"k": [1, 2.5, "x"]} == (tables["Session"] & {"subject_id": 3}).fetch1("trace")
    assert [1, 3] == sorted(tables["Subject"].to_arrays("subject_id"))
    assert 1 == (tables["Subject"] & {"subject_id": 3}).delete(prompt=False)
    child = schema.connection.catalog
    child.forget(own)
    assert 0 == len(dj.FreeTable(schema.connection, f"{own}.child"))


@pytest.mark.statement("SCH-7", "DEF-25", "TAB-1", "DEL-6")
def test_we_read_extend_and_drop_theirs(schema_name, instance, peer):
    name = schema_name()
    peer(
        f"NAME = {name!r}\n{PEER_CLASSES}\n"
        "Subject.insert1({'subject_id': 1, 'name': 'it\\'s', 'weight': 1.25, 'born': datetime.date(2020, 2, 29), 'is_old': True, 'ratio': 1.5})\n"
        "Subject.insert1({'subject_id': 2})\n"
        "Session.insert1({'subject_id': 1, 'session': 1, 'sex': 'F', 'other': 2, 'trace': np.arange(6.).reshape(2, 3), 'raw': b'ab'})\n"
        "Fit.populate()\n"
    )
    theirs = instance.virtual_schema(name)

    assert {
        "subject_id": 1, "name": "it's", "weight": 1.25, "born": dt.date(2020, 2, 29), "is_old": True,
        "ratio": Decimal("1.500"),
    } == (theirs.Subject & {"subject_id": 1}).fetch1()  # fmt: skip
    row = theirs.Session.fetch1()
    assert np.arange(6.0).reshape(2, 3).tolist() == row["trace"].tolist()
    assert ("F", 2, b"ab", None) == (row["sex"], row["other"], row["raw"], row["info"])
    assert [{"subject_id": 1, "session": 1, "peak": 1, "height": 2.5}] == theirs.Fit.Peak.to_dicts()
    assert ["int32", "varchar(20)", "float64", "date", "bool", "decimal(6,3)"] == [
        a.type for a in theirs.Subject.heading.attributes.values()
    ]
    assert "-> [nullable] Subject.proj(other='subject_id')" in theirs.Session.describe()

    # The classes, declared over what is there, differ in nothing.
    tables = classes(instance.Schema(name))
    tables["Subject"].insert1({"subject_id": 7, "name": "ours"})
    tables["Session"].insert1({"subject_id": 7, "session": 1, "trace": [1, "a"]})
    child = instance.Schema(schema_name("ours"))
    own = child(
        type(dj.Manual)("Own", (dj.Manual,), {"definition": "-> Session\n---\nu : uuid"}), context=tables
    )
    own.insert1({"subject_id": 7, "session": 1, "u": uuid.UUID(int=7)})
    out = peer(
        f"m = dj.VirtualModule('m', {name!r}); print((m.Session & 'subject_id=7').fetch1('trace'), len(m.Subject()))"
    )
    assert "[1, 'a'] 3" == out.strip().splitlines()[-1]
    assert 1 == (tables["Subject"] & {"subject_id": 7}).delete(prompt=False)
    assert 0 == len(own)
    child.drop(prompt=False)
    instance.Schema(name).drop(prompt=False)
    assert name not in instance.list_schemas()


@pytest.mark.statement("SCH-5", "DEL-9")
def test_the_existing_client_drops_ours(schema, peer, instance):
    classes(schema)
    peer(f"dj.Schema({schema.database!r}).drop(prompt=False)")

    assert schema.database not in instance.list_schemas()

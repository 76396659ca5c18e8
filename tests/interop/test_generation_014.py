"""Release 0.14 and we on one database: we read and extend what it declared while it goes on, and the reverse."""

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import datajoint as dj
from datajoint.migrate.generations import examine
from datajoint.migrate.plan import plan

pytestmark = [pytest.mark.backends("mysql"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SUBJECT = """
# animals
subject_id : int unsigned auto_increment   # number
---
name='' : varchar(20)   # "its" name
weight=null : float
n=3 : tinyint
is_old=1 : bool
cost=0 : decimal(6,2) unsigned
born=null : date
seen='2020-02-03 04:05:06' : timestamp
at=null : time
y=null : year
kind='a' : enum('a','b')
u=null : uuid   # identifier
trace=null : longblob   # packed
small=null : tinyblob
"""
OPEN = """
import json, uuid, datetime, numpy as np
schema = dj.Schema({name!r})
class GraphAdapter(dj.AttributeAdapter):
    attribute_type = "longblob"
    def put(self, value):
        return {{"graph": value}}
    def get(self, value):
        return value["graph"]
graph014 = GraphAdapter()
@schema
class Subject(dj.Manual):
    definition = {subject!r}
@schema
class File(dj.Manual):
    definition = '''
    -> Subject
    ---
    file=null : attach   # a copy
    graph=null : <graph014>
    '''
@schema
class Fit(dj.Computed):
    definition = '''
    -> Subject
    ---
    score : double
    '''
    class Part(dj.Part):
        definition = '''
        -> master
        i : smallint unsigned
        '''
    def make(self, key):
        if key["subject_id"] == 2:
            raise ValueError("bad data")
        self.insert1(dict(key, score=1.5))
        self.Part.insert1(dict(key, i=1))
"""
FILL = """
Subject.insert1(dict(name='ü "x"', weight=15.3, born="2020-02-29", at="01:02:03", y=2020, u=uuid.UUID(int=5),
    trace=np.arange(6.).reshape(2, 3), small={"a": [1, 2]}))
Subject.insert1(dict(name="two", trace=[1, "a", None]))
open("att.txt", "w").write("hello attach")
File.insert1(dict(subject_id=1, file="att.txt", graph=[1, 2]))
File.insert1(dict(subject_id=2))
Fit.populate(reserve_jobs=True, suppress_errors=True)
"""


@pytest.fixture
def name(schema_name) -> str:
    """Name of the schema of 0.14."""
    return schema_name("old")


@pytest.fixture
def opened(name, peer014):
    """Give the script that opens the schema in 0.14, which it has filled."""
    script = OPEN.format(name=name, subject=SUBJECT)
    peer014(script + FILL)
    return script


@pytest.fixture
def theirs(opened, name, instance) -> Any:
    """The tables of 0.14, seen by us."""
    return instance.virtual_schema(name)


def printed(text: str) -> Any:
    return json.loads(text.strip().splitlines()[-1])


@pytest.mark.statement("SCH-7", "TYP-17", "TYP-18", "COD-4")
def test_we_read_native_columns(theirs):
    one, two = theirs.Subject.to_dicts(order_by="KEY")
    assert [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] == one.pop("trace").tolist()
    assert {
        "subject_id": 1, "name": 'ü "x"', "weight": 15.3, "n": 3, "is_old": 1, "cost": Decimal("0.00"),
        "born": dt.date(2020, 2, 29), "seen": dt.datetime(2020, 2, 3, 4, 5, 6),  # noqa: DTZ001 - as stored
        "at": dt.timedelta(hours=1, minutes=2, seconds=3), "y": 2020, "kind": "a", "u": uuid.UUID(int=5),
        "small": {"a": [1, 2]},
    } == one  # fmt: skip
    assert ([1, "a", None], None) == (two["trace"], two["small"])
    assert {"subject": 2, "file": 2, "fit": 1} == {
        name: len(getattr(theirs, name.title())) for name in ("subject", "file", "fit")
    }
    assert [{"subject_id": 1, "i": 1}] == theirs.Fit.Part.to_dicts()
    assert 1 == len(theirs.Subject * theirs.Fit & "score > 1")


@pytest.mark.statement("SCH-7", "DEF-25")
def test_their_definitions_are_shown_as_they_were_written(theirs):
    assert (
        "-> Subject\n---\nfile=null            : <attach>                     # a copy\n"
        in theirs.File.describe()
    )
    assert "subject_id           : int unsigned auto_increment  # number\n" in theirs.Subject.describe()
    assert not theirs.File.heading["subject_id"].autoincrement


@pytest.mark.statement("COD-25")
def test_a_codec_stands_for_an_adapter(theirs, tmp_path, instance):
    instance.config["download_path"] = str(tmp_path / "downloads")
    with pytest.raises(dj.errors.UnknownCodecError, match="<graph014> is not registered"):
        theirs.File.to_dicts()
    path = (theirs.File & "subject_id = 1").fetch1("file")  # attributes beside it are readable
    with open(path) as file:
        assert "hello attach" == file.read()

    class Graph(dj.Codec):
        name = "graph014"

        def get_dtype(self, is_store: bool) -> str:
            return "<blob>"

        def encode(self, value: Any) -> Any:
            return {"graph": value}

        def decode(self, stored: Any) -> Any:
            return stored["graph"]

    assert [[1, 2], None] == list(theirs.File.to_arrays("graph", order_by="KEY"))


@pytest.mark.statement("TYP-18", "COD-4", "DEL-1")
def test_they_go_on_while_we_insert_and_delete(theirs, opened, peer014, tmp_path):
    (tmp_path / "ours.txt").write_text("of ours")
    theirs.Subject.insert1(
        {
            "name": "three",
            "weight": 2.5,
            "u": uuid.UUID(int=7),
            "trace": {"k": [1, 2.5, "x"]},
            "small": np.arange(3),
        }
    )
    theirs.File.insert1({"subject_id": 3, "file": tmp_path / "ours.txt"})
    (theirs.Subject & "subject_id = 1").delete(prompt=False)
    found = printed(
        peer014(
            opened
            + """
row = (Subject & "subject_id = 3").fetch1()
path = (File & "subject_id = 3").fetch1("file")
Subject.insert1(dict(name="four"))
Fit.populate(reserve_jobs=True)
(File & "subject_id = 2").delete(safemode=False)  # 0.14 cannot cascade to a table that has an adapter
(Subject & "subject_id = 2").delete(safemode=False)
print(json.dumps([row["name"], row["weight"], str(row["u"]), row["trace"], row["small"].tolist(), open(path).read(),
    len(File()), sorted(Fit.fetch("subject_id").tolist()), schema.list_tables(), (schema.jobs & {"table_name": "__fit"}).fetch("status").tolist()]))
"""
        )
    )
    assert ["three", 2.5, str(uuid.UUID(int=7)), {"k": [1, 2.5, "x"]}, [0, 1, 2], "of ours"] == found[:6]
    assert (1, [3, 4]) == (found[6], found[7])
    assert {"subject", "file", "__fit", "__fit__part"} == set(found[8])
    assert ["error"] == found[9]  # its job of a row that was deleted; we write nothing into `~jobs`
    assert [3, 4] == sorted(theirs.Subject.to_arrays("subject_id"))


STORED = """
dj.config["stores"] = {{"raw": {{"protocol": "file", "location": {store!r}, "stage": {stage!r}}}}}
schema = dj.Schema({name!r})
import json, numpy as np
@schema
class Scan(dj.Manual):
    definition = '''
    scan : int
    ---
    image=null : blob@raw   # frames
    notes=null : attach@raw
    movie=null : filepath@raw
    '''
"""


@pytest.fixture
def scans(name, peer014, instance, tmp_path) -> Any:
    """A table of 0.14 with columns in a store, and the script that opens it there."""
    store, stage = tmp_path / "store", tmp_path / "stage"
    for folder in (store, stage):
        folder.mkdir()
    (stage / "movie.dat").write_text("pictures")
    (tmp_path / "notes.txt").write_text("it barks")
    script = STORED.format(store=str(store), stage=str(stage), name=name)
    peer014(
        script
        + f"""
Scan.insert1(dict(scan=1, image=np.arange(600.), notes="notes.txt", movie={str(stage / "movie.dat")!r}))
Scan.insert1(dict(scan=2, image={{"a": [1, "b"]}}))
Scan.insert1(dict(scan=3))
"""
    )
    instance.config["stores"] = {"raw": {"protocol": "file", "location": str(store), "stage": str(stage)}}
    instance.config["download_path"] = str(tmp_path / "downloads")
    table = instance.virtual_schema(name).Scan
    table.script, table.folder = script, tmp_path
    return table


@pytest.mark.statement("TYP-17", "COD-16")
def test_we_read_columns_in_stores(scans):
    one, two, three = scans.to_dicts(order_by="KEY")
    assert np.arange(600.0).tolist() == one["image"].tolist()
    with open(one["notes"]) as notes, open(one["movie"]) as movie:
        assert ("it barks", "pictures") == (notes.read(), movie.read())
    assert str(scans.folder / "stage" / "movie.dat") == one["movie"]
    assert {"scan": 2, "image": {"a": [1, "b"]}, "notes": None, "movie": None} == two
    assert {"scan": 3, "image": None, "notes": None, "movie": None} == three
    assert [1, 2, 3] == [row["scan"] for row in scans]  # also row by row
    assert {"a": [1, "b"]} == (scans & "scan = 2").fetch1("image")
    assert {"a": [1, "b"]} == (scans & "scan = 2").to_pandas()["image"].iloc[0]
    assert "image=null           : blob@raw                     # frames\n" in scans.describe()
    (scans.folder / "stage" / "movie.dat").write_text("other")  # a stale copy is replaced
    with open((scans & "scan = 1").fetch1("movie")) as movie:
        assert "pictures" == movie.read()


@pytest.mark.statement("TYP-17", "COD-16")
def test_values_for_columns_in_stores_are_refused_by_name(scans, peer014):
    for name, value in (("image", [1]), ("notes", "notes.txt"), ("movie", "movie.dat"), ("image", bytes(16))):
        with pytest.raises(dj.DataJointError, match=rf"`Scan\.{name}` is .*@raw of release 0\.14"):
            scans.insert1({"scan": 4, name: value})
    with pytest.raises(dj.DataJointError, match=r"of release 0\.14"):
        scans.update1({"scan": 3, "image": [1]})
    scans.insert1({"scan": 4})
    (scans & "scan = 2").delete(prompt=False)
    found = printed(
        peer014(
            scans.script
            + """
Scan.insert1(dict(scan=5, image={"a": [1, "b"]}))  # an object that it has
print(json.dumps([sorted(Scan.fetch("scan").tolist()), (Scan & "scan = 1").fetch1("image").sum(), len(schema.external["raw"])]))
"""
        )
    )
    assert [[1, 3, 4, 5], float(np.arange(600).sum()), 4] == found
    assert {"a": [1, "b"]} == (scans & "scan = 5").fetch1("image")


@pytest.mark.statement("TYP-17", "COD-16")
def test_objects_that_are_gone_or_damaged_are_named(scans, instance):
    path = next(path for path in (scans.folder / "store").rglob("*") if path.is_file() and path.suffix == "")
    path.write_bytes(b"dj0\0\xff")
    with pytest.raises(dj.errors.CorruptObjectError, match="its hash differs"):
        scans.to_arrays("image")
    path.unlink()
    with pytest.raises(dj.errors.MissingExternalFile):
        scans.to_arrays("image")
    assert 3 == len(scans.to_arrays("scan"))
    instance.config["stores"] = {}
    with pytest.raises(dj.errors.ConfigurationError, match="Storage `raw` is requested"):
        scans.to_arrays("image")


@pytest.mark.statement("DEF-27")
@pytest.mark.filterwarnings("ignore:`scan` of `Scan` has the native type")  # and nothing else is said
def test_classes_of_0_14_open_what_is_there(scans, instance):
    @instance.Schema(scans.database)
    class Scan(dj.Manual):
        definition = """
        scan : int
        ---
        image=null : blob@raw   # frames
        notes=null : attach@raw
        movie=null : filepath@raw
        """

    assert {"a": [1, "b"]} == (Scan & "scan = 2").fetch1("image")
    assert [{"scan": 1}, {"scan": 2}, {"scan": 3}] == Scan.keys(order_by="KEY")


@pytest.mark.statement("CLI-2")
def test_doctor_and_migrate_say_what_0_14_wrote(scans, instance):
    schema = instance.Schema(scans.database)
    report = examine(schema)
    assert ("0.14", ("~external_raw", "~log")) == (report.generation, report.left)
    assert [f"{scans.database}.~lineage"] == [found.where for found in report.findings]
    steps = {(step.kind, step.where.rpartition(".")[2]): step for step in plan(schema)}
    assert {
        ("label", "scan"), ("store", "image"), ("store", "notes"), ("store", "movie"), ("lineage", "~lineage"),
    } == set(steps)  # fmt: skip
    assert (2, 1) == (steps["store", "image"].rows, steps["store", "movie"].rows)
    assert len("pictures") == steps["store", "movie"].size
    assert "0.14 opens no table" in steps["label", "scan"].loses
    assert ("0.14", report.findings) == (
        examine(schema).generation,
        examine(schema).findings,
    )  # nothing changed


@pytest.mark.statement("CLI-2")
def test_the_plan_counts_jobs_and_blobs(opened, name, instance):
    steps = {(step.kind, step.where.rpartition(".")[2]): step for step in plan(instance.Schema(name))}
    assert "1 error" in steps["jobs", "~jobs"].change
    assert 2 == steps["blob", "trace"].rows
    assert "" == steps["blob", "trace"].note
    assert 1 == steps["attach", "file"].rows

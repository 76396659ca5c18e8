"""Garbage collection: no object that a row refers to is ever deleted, and the others are, in two steps."""

import json
import threading

import pytest

import datajoint as dj
from datajoint.errors import ConfigurationError, MissingExternalFile, StorageError
from datajoint.gc import GarbageCollector, collector as collecting
from datajoint.gc.lease import PATH, Lease
from datajoint.storage.store import QUARANTINE, store_of

SCAN = "scan : int32\n---\nraw=null : <hash@>\nextra=null : json"


class Keyed(dj.Codec):
    """Stores bytes in the hash section, under a key of its own."""

    name = "djt_keyed"

    def get_dtype(self, is_store):
        return "json"

    def encode(self, value, *, context, store_name):
        from datajoint.hash_registry import put_hash

        return {"where": put_hash(value, context.schema, store_name, context.config)["path"]}

    def decode(self, stored):
        return stored

    def referenced_paths(self, stored):
        return [(stored["where"], "main")]


@pytest.fixture
def scan(stored):
    return stored("Scan", SCAN)


@pytest.fixture
def collector(scan):
    """A collector of the schema without periods of grace."""
    return lambda *schemas, **options: GarbageCollector(
        *(schemas or [schema_of(scan)]), **{"grace": 0, "window": 0, **options}
    )


def schema_of(table):
    return table.connection.schemas[table.database]


def paths(store, folder="_hash"):
    return sorted(entry.path for entry in store.medium.listing(folder))


def only_path(store):
    (path,) = paths(store)
    return path


@pytest.mark.statement("STO-9", "STO-12")
def test_an_object_goes_to_quarantine_and_then_for_good(scan, collector, store):
    scan.insert([{"scan": 1, "raw": b"kept"}, {"scan": 2, "raw": b"given up"}])
    (scan & "scan=2").delete(prompt=False)
    drop_history(scan)
    looked = collector().collect()
    assert (1, 2, 1, 8) == tuple(
        looked[f"hash_paths_{n}"] for n in ("referenced", "stored", "orphaned", "orphaned_bytes")
    )
    assert looked["dry_run"]
    assert 0 == looked["deleted"]
    assert 2 == len(paths(store))
    done = collector().collect(dry_run=False)
    assert (1, 0, 0, []) == (done["deleted"], done["bytes_freed"], done["errors"], done["error_messages"])
    assert looked["orphaned_hash_paths"] == done["orphaned_hash_paths"]
    assert [f"{QUARANTINE}/{path}" for path in done["orphaned_hash_paths"]] == paths(store, QUARANTINE)
    again = collector().collect(dry_run=False)
    assert (0, 1, 8) == (again["deleted"], again["purged"], again["bytes_freed"])
    assert [] == paths(store, QUARANTINE)
    assert b"kept" == scan.fetch1("raw")


def drop_history(table):
    """Forget the old versions of rows, which keep their objects."""
    name = table.full_table_name.replace(table.table_name, f"~h_{table.table_name}")
    table.connection.query(f"DROP TABLE IF EXISTS {name}")
    table.connection.catalog.clear()


@pytest.mark.statement("STO-9", "STO-12")
def test_young_objects_wait_for_their_rows(scan, store):
    scan.insert1({"scan": 1, "raw": b"young"})
    scan.delete(prompt=False)
    drop_history(scan)
    report = GarbageCollector(schema_of(scan)).collect(dry_run=False)
    assert (1, 0, 0) == (report["hash_paths_stored"], report["hash_paths_orphaned"], report["deleted"])
    assert 1 == len(paths(store))


@pytest.mark.statement("STO-9")
def test_old_versions_keep_their_objects(scan, collector, store):
    """History can be read and restored, so that what it refers to is alive."""
    scan.insert1({"scan": 1, "raw": b"old"})
    scan.update1({"scan": 1, "raw": b"new"})
    scan.insert1({"scan": 2, "raw": b"deleted"})
    (scan & "scan=2").delete(prompt=False)
    assert 0 == collector().collect(dry_run=False)["hash_paths_orphaned"]
    assert 3 == len(paths(store))


@pytest.mark.statement("STO-10", "COD-25")
def test_nothing_is_deleted_when_a_codec_is_missing(scan, stored, collector, store):
    stored("Other", "other : int32\n---\nvalue=null : <djt_reversed_gc@>")
    scan.insert1({"scan": 1, "raw": b"given up"})
    scan.delete(prompt=False)
    drop_history(scan)
    known = dj.codecs.base.CODECS._items.pop("djt_reversed_gc")
    try:
        scan.connection.catalog.clear()
        looked = collector().collect()
        assert 1 == looked["scan_errors"]
        assert "<djt_reversed_gc> is not registered" in looked["error_messages"][0]
        with pytest.raises(
            StorageError, match=r"(?s)Nothing is deleted .*other.*<djt_reversed_gc> is not reg"
        ):
            collector().collect(dry_run=False)
        with pytest.raises(StorageError, match="Nothing is deleted"):
            collector().hash_references()
    finally:
        dj.codecs.base.CODECS.register("djt_reversed_gc", known)
    assert 1 == len(paths(store))


class Reversed(dj.Codec):
    name = "djt_reversed_gc"

    def get_dtype(self, is_store):
        return "<hash>"


@pytest.mark.statement("STO-10")
def test_nothing_is_deleted_when_a_value_cannot_be_read(scan, collector, store):
    class Unreadable(Keyed, register=False):
        def referenced_paths(self, stored):
            raise ValueError("cannot tell")

    scan.insert1({"scan": 1, "raw": b"kept"})
    known = dj.codecs.base.CODECS.find("hash")
    broken = Unreadable()
    dj.codecs.base.CODECS.register("hash", broken)
    try:
        with pytest.raises(StorageError, match=r"(?s)Nothing is deleted .*cannot tell"):
            collector().collect(dry_run=False)
    finally:
        dj.codecs.base.CODECS.register("hash", known)
    assert 1 == len(paths(store))


@pytest.mark.statement("STO-11")
def test_rows_of_another_schema_keep_an_object(scan, collector, store, instance, schema_name, stored):
    scan.insert1({"scan": 1, "raw": b"shared"})
    other = stored.on(instance.Schema(schema_name("b")))("Copy", SCAN)
    column = scan.connection.query(f"SELECT raw FROM {scan.full_table_name}").fetchall()[0][0]
    text = column if isinstance(column, str) else json.dumps(column)
    scan.connection.query(
        f"INSERT INTO {other.full_table_name} (scan, raw) VALUES (1, '{text}')"
    )  # as copying tables does
    scan.delete(prompt=False)
    drop_history(scan)
    assert 0 == collector().collect(dry_run=False)["hash_paths_orphaned"]
    assert b"shared" == other.fetch1("raw")
    other.insert1({"scan": 2, "extra": {"of": [{"path": only_path(store)}]}})
    (other & "scan=1").delete(prompt=False)
    drop_history(other)
    assert 0 == collector().collect(dry_run=False)["hash_paths_orphaned"]


@pytest.mark.statement("STO-11")
def test_only_objects_of_the_schemas_given_are_deleted(scan, collector, store, instance, schema_name, stored):
    other = stored.on(instance.Schema(schema_name("b")))("Scan", SCAN)
    for table in (scan, other):
        table.insert1({"scan": 1, "raw": b"given up"})
        table.delete(prompt=False)
        drop_history(table)
    assert 1 == collector().collect(dry_run=False)["deleted"]
    assert other.database == only_path(store).split("/")[1]
    assert 1 == collector(schema_of(scan), schema_of(other)).collect(dry_run=False)["deleted"]


@pytest.mark.statement("STO-11")
def test_objects_of_another_database_are_safe(scan, collector, store):
    assert scan.connection.catalog.database is not None
    scan.insert1({"scan": 1, "raw": b"given up"})
    scan.delete(prompt=False)
    drop_history(scan)
    there = store_of("main", store.spec)
    there.put_content(b"of the other", scan.database, "postgresql://db.other.org:5432/lab (123)")
    with pytest.raises(
        StorageError, match=r"(?s)the database postgresql://db\.other\.org.* keeps objects of a"
    ):
        collector().collect(dry_run=False)
    assert 1 == collector().collect()["scan_errors"]
    marker = next(e for e in store.medium.listing("_datajoint/databases") if _is_of_other(store, e.path))
    store.medium.delete(marker.path)
    assert 2 == collector().collect(dry_run=False)["deleted"]


def _is_of_other(store, path):
    return "db.other.org" in json.loads(store.medium.read(path))["database"]


@pytest.mark.statement("COD-27")
def test_a_codec_says_what_its_values_refer_to(stored, scan, collector, store):
    table = stored("Keyed", "keyed : int32\n---\nvalue : <djt_keyed@>")
    table.insert1({"keyed": 1, "value": b"kept"})
    assert 0 == collector().collect(dry_run=False)["hash_paths_orphaned"]
    assert {only_path(store)} == collector().hash_references()


@pytest.mark.statement("STO-12")
def test_what_is_referred_to_again_comes_back(scan, collector, store):
    scan.insert1({"scan": 1, "raw": b"bytes"})
    path = only_path(store)
    store.medium.move(path, f"{QUARANTINE}/{path}")  # as if the row had come after the collector had looked
    assert b"bytes" == scan.fetch1("raw")
    report = collector().collect(dry_run=False)
    assert (1, 0) == (report["restored"], report["purged"])
    assert [path] == paths(store)
    assert [] == paths(store, QUARANTINE)


@pytest.mark.statement("STO-12")
def test_quarantine_is_kept_for_its_window_and_can_be_restored(scan, collector, store):
    scan.insert1({"scan": 1, "raw": b"bytes"})
    path = only_path(store)
    scan.delete(prompt=False)
    drop_history(scan)
    assert 1 == collector(window=9999).collect(dry_run=False)["deleted"]
    assert 0 == collector(window=9999).collect(dry_run=False)["purged"]
    assert 1 == collector().restore()
    assert [path] == paths(store)
    collector().collect(dry_run=False)
    scan.insert1({"scan": 1, "raw": b"bytes"})  # stored anew: the copy in quarantine is deleted
    collector(window=9999).collect(dry_run=False)
    assert ([path], []) == (paths(store), paths(store, QUARANTINE))


@pytest.mark.statement("STO-9")
def test_one_collector_at_a_time(scan, collector, store):
    with (
        Lease(store.medium),
        pytest.raises(StorageError, match=r"Another garbage collector works on .*: process \d+ on "),
    ):
        collector().collect(dry_run=False)
    assert 0 == collector().collect(dry_run=False)["errors"]
    assert store.medium.find(PATH) is None


@pytest.mark.statement("STO-9")
def test_the_collector_is_asked_with_schemas_of_one_database(scan, connect, schema_name):
    with pytest.raises(ConfigurationError, match="needs the schemas"):
        GarbageCollector()
    with pytest.raises(ConfigurationError, match="on different connections"):
        GarbageCollector(schema_of(scan), connect().Schema(schema_name("b")))
    with pytest.raises(ConfigurationError, match="Storage `elsewhere` is requested"):
        GarbageCollector(schema_of(scan), store="elsewhere")


@pytest.mark.statement("STO-9")
def test_a_lost_object_does_not_stop_a_collector(scan, collector, store, monkeypatch):
    for n in range(3):
        scan.insert1({"scan": n, "raw": b"%d" % n})
    scan.delete(prompt=False)
    drop_history(scan)
    kind, move = type(store.medium), type(store.medium).move
    first = paths(store)[0]

    def fail_once(self, old, new):
        if old == first:
            raise StorageError("The disk is full.")
        move(self, old, new)

    monkeypatch.setattr(kind, "move", fail_once)
    report = collector().collect(dry_run=False)
    assert (2, 1, ["The disk is full."]) == (report["deleted"], report["errors"], report["error_messages"])


@pytest.mark.statement("STO-12")
def test_a_collector_races_inserts(scan, collector, store, connect):
    """Rows that come and go while a collector runs without grace: what a row refers to can be read at any time."""
    stop, failed = threading.Event(), []

    def collect():
        try:
            other = connect()
            other.config["stores"] = store.settings
            schema = other.Schema(scan.database)
            while not stop.is_set():
                GarbageCollector(schema, grace=0, window=3600).collect(dry_run=False)
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for n in range(40):
            scan.insert1({"scan": n, "raw": b"%d" % (n % 4)})
            assert b"%d" % (n % 4) == (scan & {"scan": n}).fetch1("raw")
            if n % 3 == 0:
                (scan & {"scan": n}).delete(prompt=False)
    finally:
        stop.set()
        thread.join()
    assert [] == failed
    collector(window=3600).collect(dry_run=False)
    assert {b"0", b"1", b"2", b"3"} == set(scan.to_arrays("raw"))


@pytest.mark.statement("COD-8", "STO-9")
def test_what_is_purged_is_missing(scan, collector, store):
    """The other way round: a row whose object somebody has deleted says so."""
    scan.insert1({"scan": 1, "raw": b"bytes"})
    store.medium.delete(only_path(store))
    with pytest.raises(MissingExternalFile):
        scan.fetch1("raw")
    assert 1 == collector().collect()["hash_paths_referenced"]


@pytest.mark.statement("STO-9")
def test_reports_say_no_more_than_so_many_paths(scan, collector, store, monkeypatch):
    monkeypatch.setattr(collecting, "_LISTED", 2)
    for n in range(5):
        scan.insert1({"scan": n, "raw": b"%d" % n})
    scan.delete(prompt=False)
    drop_history(scan)
    report = collector().collect()
    assert (5, 2) == (report["hash_paths_orphaned"], len(report["orphaned_hash_paths"]))


@pytest.mark.statement("STO-9")
def test_functions_of_older_releases(scan, store):
    assert dj.gc.scan(schema_of(scan))["dry_run"]
    assert not dj.gc.collect(schema_of(scan), store_name="main", dry_run=False)["dry_run"]


@pytest.mark.statement("STO-9")
def test_a_store_without_a_folder_is_told(declare, make_store):
    declare.schema.connection.config["stores"] = make_store("file").settings
    report = GarbageCollector(declare.schema).collect()
    assert 1 == report["errors"]
    assert "does not exist" in report["error_messages"][0]

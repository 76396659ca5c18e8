"""Values in object stores under their hash: <hash@>, <blob@>, <attach@>, on each kind of store."""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import (
    BucketInaccessible,
    CodecError,
    ConfigurationError,
    CorruptObjectError,
    DuplicateError,
    EncodeError,
    MissingExternalFile,
    StorageError,
)  # fmt: skip
from datajoint.storage.store import QUARANTINE

SCAN = "scan : int32\n---\nimage=null : <blob@>\nraw=null : <hash@main>\nnote='' : varchar(20)"


class Reversed(dj.Codec):
    """Lists, stored from the end."""

    name = "djt_reversed"

    def get_dtype(self, is_store):
        return "<blob>"

    def encode(self, value):
        return value[::-1]

    def decode(self, stored):
        return stored[::-1]


def record(table, attribute="raw"):
    """Return what the row of a table holds for an object."""
    text = table.connection.query(f"SELECT {attribute} FROM {table.full_table_name}").fetchall()[0][0]
    return json.loads(text) if isinstance(text, str) else text


@pytest.mark.statement("COD-1", "COD-2", "COD-6", "COD-16", "STO-1", "STO-2", "STO-4")
def test_values_go_to_the_store_and_come_back(stored, store):
    table = stored("Scan", SCAN)
    image = np.arange(6, dtype="int16").reshape(2, 3)
    table.insert([{"scan": 1, "image": image, "raw": b"bytes"}, {"scan": 2, "raw": b""}, {"scan": 3}])
    rows = table.to_dicts(order_by="scan")
    np.testing.assert_array_equal(image, rows[0]["image"])
    assert "int16" == rows[0]["image"].dtype
    assert [b"bytes", b"", None] == [row["raw"] for row in rows]
    assert [None, None] == [row["image"] for row in rows[1:]]
    name = "jm5gegf3hy5hga7iufy2md6psi"
    path = f"_hash/{table.database}/{name}"
    assert record(table) == {
        "hash": name, "path": path, "schema": table.database, "store": "main", "size": 5,
    }  # fmt: skip
    assert b"bytes" == store.objects()[path]
    assert 3 == len(store.objects())


@pytest.mark.statement("COD-6", "COD-11")
def test_objects_hold_the_same_bytes_as_a_table(stored, store, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"text")
    table = stored("Scan", "scan : int32\n---\nimage : <blob@main>\nfile : <attach@>\nbeside : <blob>")
    value = {"a": [1, "b", None]}
    table.insert1({"scan": 1, "image": value, "file": tmp_path / "a.txt", "beside": value})
    beside = bytes(table.connection.query(f"SELECT beside FROM {table.full_table_name}").fetchall()[0][0])
    assert {beside, b"a.txt\0text"} == set(store.objects().values())


@pytest.mark.statement("COD-9", "COD-10", "COD-11")
def test_attachments_come_back_as_files(stored, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"text")
    table = stored("Scan", "scan : int32\n---\nfile : <attach@>")
    table.insert1({"scan": 1, "file": tmp_path / "a.txt"})
    with table.connection.config.override(download_path=str(tmp_path / "down")):
        fetched = table.fetch1("file")
    assert (tmp_path / "down" / "a.txt") == Path(fetched)
    assert b"text" == Path(fetched).read_bytes()


@pytest.mark.statement("COD-7")
def test_equal_content_is_stored_once_for_each_schema(stored, store, instance, schema_name):
    table = stored("Scan", SCAN)
    table.insert({"scan": n, "raw": b"same"} for n in range(30))
    assert 1 == len(store.objects())
    other = stored.on(instance.Schema(schema_name("b")))("Scan", SCAN)
    other.insert1({"scan": 1, "raw": b"same"})
    assert {table.database, other.database} == {path.split("/")[1] for path in store.objects()}


@pytest.mark.statement("STO-3", "STO-4")
def test_folders_and_prefix_of_content(declare, make_store):
    store = make_store("file", subfolding=[2, 3], hash_prefix="content/by_hash")
    declare.schema.connection.config["stores"] = store.settings
    table = declare("Scan", SCAN)
    table.insert1({"scan": 1, "raw": b"bytes"})
    path = f"content/by_hash/{table.database}/jm/5ge/jm5gegf3hy5hga7iufy2md6psi"
    assert path == record(table)["path"]
    assert {path: b"bytes"} == store.objects("content")
    declare.schema.connection.config["stores"]["main"]["subfolding"] = None  # the path in the row counts
    assert b"bytes" == table.fetch1("raw")


@pytest.mark.statement("COD-8")
def test_content_is_compared_with_its_hash(stored, store):
    table = stored("Scan", SCAN)
    table.insert1({"scan": 1, "raw": b"bytes"})
    (path,) = store.objects()
    store.medium.write(path, b"bytez")
    with pytest.raises(
        CorruptObjectError, match=rf"(?s)The object {path} in .* is not what was stored.*`scan\.raw`"
    ):
        table.to_dicts()
    store.medium.delete(path)
    with pytest.raises(MissingExternalFile, match=rf"(?s)There is no object {path} in .*`scan\.raw`"):
        table.fetch1("raw")
    assert "" == table.fetch1("note")
    assert 1 == table.delete(prompt=False)


@pytest.mark.statement("COD-8")
@pytest.mark.parametrize("place", range(5))
def test_one_flipped_bit_is_noticed(declare, make_store, place):
    store = make_store("memory")
    declare.schema.connection.config["stores"] = store.settings
    table = declare("Scan", SCAN)
    table.insert1({"scan": 1, "raw": b"bytes"})
    ((path, data),) = store.objects().items()
    store.medium.write(path, bytes(byte ^ (n == place) for n, byte in enumerate(data)))
    with pytest.raises(CorruptObjectError):
        table.fetch1("raw")


@pytest.mark.statement("COD-17")
def test_hash_needs_a_store(declare):
    with pytest.raises(CodecError, match="<hash> needs a store"):
        declare("Scan", "scan : int32\n---\nraw : <hash>")


@pytest.mark.statement("COD-21")
@pytest.mark.parametrize("value", ["text", 5, [1]])
def test_hash_takes_bytes_only(stored, store, value):
    table = stored("Scan", SCAN)
    with pytest.raises(EncodeError, match=r"(?s)raw.*<hash@> takes bytes"):
        table.insert([{"scan": 1, "raw": b"x"}, {"scan": 2, "raw": value}])
    assert {} == store.objects()
    assert 0 == len(table())


@pytest.mark.statement("COD-22")
def test_codecs_chain_into_a_store(stored, store):
    table = stored("Scan", "scan : int32\n---\ntrack : <djt_reversed@main>")
    table.insert1({"scan": 1, "track": [1, 2]})
    assert [1, 2] == table.fetch1("track")
    assert 1 == len(store.objects())
    assert "track : <djt_reversed@main>" in " ".join(table.describe().split())


@pytest.mark.statement("INS-16", "STO-8")
def test_objects_of_a_refused_row_are_taken_back(stored, store):
    table = stored("Scan", SCAN)
    table.insert1({"scan": 1, "raw": b"kept"})
    for refused in (
        lambda: table.insert1({"scan": 1, "raw": b"new"}),
        lambda: table.insert([{"scan": 2, "raw": b"new"}, {"scan": 1, "raw": b"kept"}]),
    ):
        with pytest.raises(DuplicateError):
            refused()
    with pytest.raises(dj.DataJointError, match="only be applied to one existing entry"):
        table.update1({"scan": 9, "raw": b"new"})
    with pytest.raises(EncodeError):
        table.insert([{"scan": 3, "raw": b"new"}, {"scan": 4, "raw": "no bytes"}])
    assert [b"kept"] == list(store.objects().values())
    assert b"kept" == table.fetch1("raw")


@pytest.mark.statement("INS-16")
def test_a_row_that_met_a_withdrawn_object_still_finds_it(stored, store):
    table = stored("Scan", SCAN)
    table.insert1({"scan": 1, "raw": b"both"})
    (path,) = store.objects()
    store.medium.move(path, f"{QUARANTINE}/{path}")  # as the failure of another writer does
    assert b"both" == table.fetch1("raw")
    table.insert1({"scan": 2, "raw": b"both"})  # and whoever stores it again has it at its place
    assert [path] == list(store.objects())


@pytest.mark.statement("INS-16")
def test_objects_of_a_failed_make_are_taken_back(stored, store):
    stored("Scan", "scan : int32").insert([{"scan": 1}, {"scan": 2}])

    def make(self, key):
        self.insert1({**key, "trace": key["scan"]})
        if key["scan"] == 2:
            raise ValueError("no")

    fit = stored("Fit", "-> Scan\n---\ntrace : <blob@>", dj.Computed, make=make)
    fit.populate(suppress_errors=True)
    assert [1] == list(fit.to_arrays("trace"))
    assert 1 == len(store.objects())


@pytest.mark.statement("COD-6")
def test_an_update_keeps_the_object_of_the_old_version(stored, store):
    """History refers to it; whether somebody still does is for the garbage collector to find."""
    table = stored("Scan", SCAN)
    table.insert1({"scan": 1, "raw": b"old", "image": [1]})
    table.update1({"scan": 1, "raw": b"new"})
    assert (b"new", [1]) == table.fetch1("raw", "image")
    (table & "scan=1").update({"raw": b"newer"}, prompt=False)
    assert b"newer" == table.fetch1("raw")
    table.insert1({"scan": 1, "raw": b"newest"}, replace=True)
    assert {b"old", b"new", b"newer", b"newest"} < set(store.objects().values())


@pytest.mark.statement("STO-1")
def test_stores_are_named_when_something_is_wrong(declare):
    config = declare.schema.connection.config
    table = declare("Scan", SCAN)
    with pytest.raises(ConfigurationError, match=r"`stores\.default` is not configured"):
        table.insert1({"scan": 1, "image": [1]})
    with pytest.raises(ConfigurationError, match="Storage `main` is requested but not configured"):
        table.insert1({"scan": 1, "raw": b"1"})
    config["stores"] = {"main": {"protocol": "file"}}
    with pytest.raises(ConfigurationError, match=r"is missing `stores\.main\.location`"):
        table.insert1({"scan": 1, "raw": b"1"})
    table.insert1({"scan": 1})
    assert {"scan": 1, "image": None, "raw": None, "note": ""} == table.fetch1()


@pytest.mark.statement("STO-7")
def test_a_store_that_has_moved_is_read_from_its_new_place(declare, make_store, tmp_path):
    store = make_store("file")
    config = declare.schema.connection.config
    config["stores"] = store.settings
    table = declare("Scan", SCAN)
    table.insert1({"scan": 1, "raw": b"bytes"})
    os.rename(store.spec["location"], tmp_path / "elsewhere")
    with pytest.raises(BucketInaccessible, match="does not exist"):
        table.fetch1("raw")
    config["stores"] = {"main": {"protocol": "file", "location": str(tmp_path / "elsewhere")}}
    assert b"bytes" == table.fetch1("raw")


@pytest.mark.statement("COD-8")
@pytest.mark.parametrize("path", ["/etc/passwd", "../../x", "~/x"])
def test_a_row_cannot_name_a_file_outside_the_store(declare, make_store, path):
    declare.schema.connection.config["stores"] = make_store("file").settings
    table = declare("Scan", SCAN)
    quoted = table.full_table_name
    table.connection.query(
        f'INSERT INTO {quoted} (scan, note, raw) VALUES (1, \'\', \'{{"path": "{path}", "hash": "x"}}\')'
    )
    with pytest.raises(StorageError, match="is no path within a store"):
        table.fetch1("raw")


@pytest.mark.statement("COD-6")
def test_rows_that_refer_to_no_object_are_told(declare, make_store):
    declare.schema.connection.config["stores"] = make_store("file").settings
    table = declare("Scan", SCAN)
    table.connection.query(f"INSERT INTO {table.full_table_name} (scan, note, raw) VALUES (1, '', '{{}}')")
    with pytest.raises(CodecError, match="has no `hash` and `path`"):
        table.fetch1("raw")


@pytest.mark.statement("STO-8")
def test_a_store_that_is_no_folder_is_told(declare, make_store):
    store = make_store("file")
    Path(store.spec["location"]).write_text("a file")
    declare.schema.connection.config["stores"] = store.settings
    table = declare("Scan", SCAN)
    with pytest.raises(BucketInaccessible, match=r"The folder .* of the store does not exist"):
        table.insert1({"scan": 1, "raw": b"x"})
    assert 0 == len(table())


@pytest.mark.statement("COD-7")
def test_many_writers_of_equal_content(stored, store, connect):
    table = stored("Scan", SCAN)
    failed = []

    def write(first):
        try:
            instance = connect()
            instance.config["stores"] = store.settings
            other = instance.virtual_schema(table.database).Scan
            for n in range(first, first + 5):
                other.insert1({"scan": n, "raw": b"shared %d" % (n % 5)})
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == failed
    assert 5 == len(store.objects())
    assert {b"shared %d" % n for n in range(5)} == set(table.to_arrays("raw"))


@pytest.mark.statement("INS-16")
def test_a_transaction_that_is_undone_leaves_garbage_only(stored, store):
    table = stored("Scan", SCAN)
    with pytest.raises(ValueError, match="no"), table.connection.transaction:
        table.insert1({"scan": 1, "raw": b"bytes"})
        raise ValueError("no")
    assert 0 == len(table())
    table.insert1({"scan": 1, "raw": b"bytes"})
    assert b"bytes" == table.fetch1("raw")


@pytest.mark.statement("PRV-1")
def test_results_made_of_an_object_are_stale_when_it_changes(stored):
    scan = stored("Scan", SCAN)
    scan.insert([{"scan": n, "raw": b"a"} for n in (1, 2)])

    def make(self, key):
        self.insert1({**key, "size": len((stored.known["Scan"] & key).fetch1("raw"))})

    fit = stored("Fit", "-> Scan\n---\nsize : int32", dj.Computed, make=make)
    fit.populate()
    scan.update1({"scan": 1, "raw": b"longer"})
    scan.update1({"scan": 2, "raw": b"a"})
    assert [1] == [key["scan"] for key in fit.stale().stale.to_dicts()]

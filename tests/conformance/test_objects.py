"""Objects, arrays and files in stores: <object@>, <npy@>, <filepath@>, handles, staged inserts."""

import datetime as dt
import io
import json
import os
import uuid
from pathlib import Path

import numpy as np
import pytest
from datajoint.objectref import IntegrityError, NpyRef, ObjectRef

import datajoint as dj
from datajoint.errors import (
    BucketInaccessible,
    CodecError,
    CorruptObjectError,
    DecodeError,
    DuplicateError,
    EncodeError,
    MissingExternalFile,
    StorageError,
)  # fmt: skip
from datajoint.gc import GarbageCollector
from datajoint.storage.store import HELD

SCAN = """
scan : int32
name : varchar(400)
---
frames=null : <object@>
trace=null : <npy@main>
raw=null : <filepath@>
"""
ROW = {"scan": 1, "name": "a/b:c"}


@pytest.fixture
def scan(stored, store):
    stored.schema.connection.config["stores"]["filepath_default"] = "main"
    return stored("Scan", SCAN)


@pytest.fixture
def folder(tmp_path):
    """A folder with files in it."""
    (tmp_path / "data" / "sub").mkdir(parents=True)
    (tmp_path / "data" / "a.txt").write_bytes(b"a")
    (tmp_path / "data" / "sub" / "b.txt").write_bytes(b"bb")
    (tmp_path / "data" / "sub" / "ü #.txt").write_bytes(b"")
    return tmp_path / "data"


def record(table, attribute):
    text = table.connection.query(f"SELECT {attribute} FROM {table.full_table_name}").fetchall()[0][0]
    return json.loads(text) if isinstance(text, str) else text


def files(store, below="_schema"):
    try:
        return sorted(entry.path for entry in store.medium.listing(below))
    except BucketInaccessible:  # nothing was ever written
        return []


# ------------------------------------------------------------------------------------------------ objects


@pytest.mark.statement("COD-12", "STO-5")
@pytest.mark.parametrize(
    ("value", "ext"),
    [
        (b"bytes", None),
        ((".bin", b"bytes"), ".bin"),
        (("bin", io.BytesIO(b"bytes")), ".bin"),
        ("path", ".tar"),
        (Path("path"), ".tar"),
    ],
)
def test_a_file_comes_back_as_a_handle(scan, store, tmp_path, value, ext):
    (tmp_path / "x.tar").write_bytes(b"bytes")
    if isinstance(value, (str, Path)):
        value = type(value)(tmp_path / "x.tar")
    if isinstance(value, tuple) and hasattr(value[1], "seek"):
        value[1].seek(0)
    scan.insert1({**ROW, "frames": value})
    ref = scan.fetch1("frames")
    assert isinstance(ref, ObjectRef)
    assert (5, "main", ext, False, None) == (ref.size, ref.store, ref.ext, ref.is_dir, ref.item_count)
    assert abs((dt.datetime.now(dt.UTC) - ref.timestamp).total_seconds()) < 600
    start = f"_schema/{scan.database}/{scan.table_name}/scan=1/name=a%2Fb%3Ac/frames_"
    assert ref.path.startswith(start)
    assert len(start) + 8 + len(ext or "") == len(ref.path)
    assert b"bytes" == ref.read()
    assert (b"yte", b"es") == (ref.read(1, 3), ref.read(3))
    with ref.open() as file:
        assert b"bytes" == file.read()
    with ref.open(mode="r") as file:
        assert "bytes" == file.read()
    assert ref.exists()
    assert ref.verify()
    assert [ref.path] == files(store)
    assert {"path", "store", "size", "ext", "is_dir", "item_count", "timestamp"} == set(
        record(scan, "frames")
    )
    assert ref.path == str(ref)
    assert f"ObjectRef(file: {ref.path}, size=5)" == repr(ref)


@pytest.mark.statement("COD-12", "COD-18")
def test_a_folder_comes_back_as_a_handle(scan, store, folder, tmp_path):
    scan.insert1({**ROW, "frames": folder})
    ref = scan.fetch1("frames")
    assert (3, True, 3, None) == (ref.size, ref.is_dir, ref.item_count, ref.ext)
    assert ["a.txt", "sub"] == ref.listdir()
    assert ["b.txt", "ü #.txt"] == ref.listdir("sub")
    assert [("", ["sub"], ["a.txt"]), ("sub", [], ["b.txt", "ü #.txt"])] == list(ref.walk())
    with ref.open("sub/b.txt") as file:
        assert b"bb" == file.read()
    assert (True, True, False) == (ref.exists("a.txt"), ref.exists("sub"), ref.exists("c"))
    assert ref.verify()
    manifest = json.loads(store.medium.read(f"{ref.path}.manifest.json"))
    assert {"path": "a.txt", "size": 1} in manifest["files"]
    assert (3, 3) == (manifest["total_size"], manifest["item_count"])
    got = []
    copy = ref.download(tmp_path / "copy", progress=got.append)
    assert b"bb" == (copy / "sub" / "b.txt").read_bytes()
    assert 3 == sum(got)
    assert (tmp_path / "b.txt") == ref.download(tmp_path, "sub/b.txt")
    for refused in (ref.read, ref.open):
        with pytest.raises(StorageError, match="is a folder"):
            refused()
    assert [] == files(store, HELD)


@pytest.mark.statement("COD-18")
def test_handles_refuse_what_makes_no_sense(scan, folder, tmp_path):
    scan.insert1({**ROW, "frames": b"bytes"})
    ref = scan.fetch1("frames")
    for refused in (ref.listdir, lambda: list(ref.walk())):
        with pytest.raises(StorageError, match="is a file, which has no list of files"):
            refused()
    with pytest.raises(StorageError, match="can only be read"):
        ref.open(mode="wb")
    for path in ("../x", "/etc/passwd"):
        with pytest.raises(StorageError, match="is no path within a store"):
            ref.download(tmp_path, path)
    with pytest.raises(StorageError, match="cannot be written"):
        ref.download(folder / "a.txt" / "x")


@pytest.mark.statement("COD-18", "STO-15")
def test_handles_notice_damage(scan, store, folder):
    scan.insert([{"scan": 1, "name": "f", "frames": folder}, {"scan": 2, "name": "f", "frames": b"bytes"}])
    tree, file = scan.to_arrays("frames", order_by="scan")
    store.medium.write(f"{tree.path}/a.txt", b"xx")
    with pytest.raises(IntegrityError, match=r"a\.txt in .* has 2 bytes, not 1 as recorded"):
        tree.verify()
    store.medium.delete(f"{tree.path}/a.txt")
    with pytest.raises(IntegrityError, match=r"a\.txt is missing"):
        tree.verify()
    store.medium.write(file.path, b"")
    with pytest.raises(IntegrityError, match="has 0 bytes, not 5"):
        file.verify()
    store.medium.delete(file.path)
    with pytest.raises(IntegrityError, match="is missing"):
        file.verify()
    for missing in (file.read, file.open, lambda: file.download("x")):
        with pytest.raises(MissingExternalFile):
            missing()
    assert not file.exists()


@pytest.mark.statement("COD-18")
def test_handles_as_file_systems(scan, folder):
    scan.insert1({**ROW, "frames": folder})
    ref = scan.fetch1("frames")
    assert b"a" == ref.fs.cat_file(f"{ref.full_path}/a.txt")
    with ref.fs.open(f"{ref.full_path}/sub/b.txt") as file:
        assert b"bb" == file.read()
    assert {"a.txt", "sub/b.txt", "sub/ü #.txt"} == set(ref.fsmap)
    assert b"bb" == ref.fsmap["sub/b.txt"]


@pytest.mark.statement("COD-18")
def test_an_object_in_a_bucket_has_a_url(declare, make_store):
    import urllib.request

    declare.schema.connection.config["stores"] = make_store("s3").settings
    table = declare("Scan", SCAN.replace("raw=null : <filepath@>", ""))
    table.insert1({**ROW, "frames": b"bytes"})
    ref = table.fetch1("frames")
    with urllib.request.urlopen(ref.sign(60)) as answer:
        assert b"bytes" == answer.read()
    request = urllib.request.Request(ref.sign(60), headers={"Range": "bytes=1-2"})
    with urllib.request.urlopen(request) as answer:
        assert b"yt" == answer.read()


@pytest.mark.statement("COD-12")
@pytest.mark.parametrize("value", [5, [1], ("a", "b"), (".a", 5), np.arange(3)])
def test_objects_that_are_none_are_refused(scan, store, value):
    with pytest.raises(EncodeError, match=r"(?s)frames.*<object@> takes bytes, a path, or a pair"):
        scan.insert1({**ROW, "frames": value})
    assert [] == files(store)


@pytest.mark.statement("COD-12")
def test_files_that_cannot_be_copied_are_refused(scan, store, folder, tmp_path):
    with pytest.raises(EncodeError, match=r"(?s)cannot read .*no\.txt: No such file.*`frames`"):
        scan.insert1({**ROW, "frames": tmp_path / "no.txt"})
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(EncodeError, match="is a link to a folder"):
        scan.insert1({**ROW, "frames": folder})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(EncodeError, match="is neither"):
        scan.insert1({**ROW, "frames": tmp_path / "pipe"})
    assert [] == files(store)


@pytest.mark.statement("COD-12")
def test_a_file_that_changes_meanwhile_is_refused(scan, store, tmp_path, monkeypatch):
    path = tmp_path / "growing.bin"
    path.write_bytes(b"abc")
    kind, write = type(store.medium), type(store.medium).write

    def grow(self, *arguments):
        write(self, *arguments)
        if "frames_" in arguments[0]:
            with path.open("ab") as file:
                file.write(b"more")

    monkeypatch.setattr(kind, "write", grow)
    with pytest.raises(EncodeError, match=r"growing\.bin changed while it was stored"):
        scan.insert1({**ROW, "frames": path})
    assert [] == files(store)


@pytest.mark.statement("INS-16")
def test_objects_of_refused_rows_are_deleted(scan, store, folder):
    scan.insert1({**ROW, "frames": b"kept"})
    with pytest.raises(DuplicateError):
        scan.insert1({**ROW, "frames": folder, "trace": np.arange(3)})
    assert 1 == len(files(store))


@pytest.mark.statement("COD-12")
def test_a_handle_is_inserted_as_a_reference(scan, store, stored):
    scan.insert1({**ROW, "frames": b"bytes", "trace": np.arange(3)})
    row = scan.fetch1()
    other = stored("Other", "other : int32\n---\nframes : <object@>\ntrace : <npy@>")
    other.insert1({"other": 1, "frames": row["frames"], "trace": row["trace"]})
    assert row["frames"].path == other.fetch1("frames").path
    assert 2 == len(files(store))
    np.testing.assert_array_equal([0, 1, 2], other.fetch1("trace"))


# ------------------------------------------------------------------------------------------------- arrays

ARRAYS = [
    np.arange(6, dtype="float32").reshape(2, 3),
    np.array(5, dtype=">i4"),
    np.array([], dtype="complex128"),
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.array(["a", "bcd"]),
    np.array([b"a", b"bcd"]),
    np.array(["2026-01-01", "NaT"], dtype="datetime64[D]"),
    np.array([True, False]),
    np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "<i4"), ("b", ">f8")]),
    np.arange(4, dtype="float16")[::2],
]


@pytest.mark.statement("COD-13", "COD-19")
@pytest.mark.parametrize("n", range(len(ARRAYS)))
def test_arrays_come_back_as_handles(scan, store, n):
    array = ARRAYS[n]
    scan.insert1({**ROW, "trace": array})
    ref = scan.fetch1("trace")
    assert isinstance(ref, NpyRef)
    assert (array.shape, array.dtype, array.ndim, array.size, array.nbytes) == (
        ref.shape, ref.dtype, ref.ndim, ref.size, ref.nbytes,
    )  # fmt: skip
    assert not ref.is_loaded
    assert "not loaded" in repr(ref)
    loaded = ref.load()
    np.testing.assert_array_equal(array, loaded)
    assert array.dtype == loaded.dtype
    assert array.ndim < 2 or array.flags.f_contiguous == loaded.flags.f_contiguous
    assert ref.is_loaded
    assert loaded is ref.load()
    assert "main" == ref.store
    (path,) = files(store)
    assert path == ref.path
    np.testing.assert_array_equal(array, np.load(io.BytesIO(store.medium.read(path)), allow_pickle=False))


@pytest.mark.statement("COD-19")
def test_handles_of_arrays_act_as_arrays(scan, store):
    array = np.arange(12.0).reshape(4, 3)
    scan.insert1({**ROW, "trace": array})
    ref = scan.fetch1("trace")
    assert 4 == len(ref)
    assert not ref.is_loaded
    np.testing.assert_array_equal(array[1:3, 0], ref[1:3, 0])
    assert ref.is_loaded
    assert 66 == np.asarray(ref).sum()
    assert "float32" == np.asarray(ref, dtype="float32").dtype
    np.testing.assert_array_equal(array + 1, ref.load() + 1)
    assert [0, 3, 6, 9] == [row[0] for row in ref]
    mapped = scan.fetch1("trace").load(mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(array, mapped)
    with pytest.raises(DecodeError, match="mmap_mode is 'r' or 'c'"):
        ref.load("r+")


@pytest.mark.statement("COD-13")
def test_columns_of_handles_are_not_read(scan, store):
    scan.insert({"scan": n, "name": "x", "trace": np.arange(3)} for n in range(3))
    scan.insert1({"scan": 9, "name": "x"})
    column = scan.to_arrays("trace", order_by="scan")
    assert (4,) == column.shape
    assert [False] * 3 == [ref.is_loaded for ref in column[:3]]
    assert column[3] is None
    assert "<npy" in repr(scan())
    frame = scan.to_pandas()
    assert 4 == len(frame)


@pytest.mark.statement("COD-13")
@pytest.mark.parametrize(
    "value", [[1, 2], 5, "text", np.array([object()]), np.ma.masked_array([1, 2], [0, 1]), np.float64(1)]
)
def test_what_is_no_array_is_refused(scan, store, value):
    with pytest.raises(EncodeError, match=r"(?s)trace.*<npy@>"):
        scan.insert1({**ROW, "trace": value})
    assert [] == files(store)


@pytest.mark.statement("COD-13", "COD-19")
def test_damaged_arrays_are_told(scan, store):
    scan.insert1({**ROW, "trace": np.arange(3)})
    ref = scan.fetch1("trace")
    file = io.BytesIO()
    np.save(file, np.array([{}]), allow_pickle=True)
    for damage, said in (
        (b"no array", "is no NumPy file"),
        (store.medium.read(ref.path)[:-1], "is no NumPy file"),
        (file.getvalue(), "is no NumPy file"),  # a pickle: never loaded
        (_saved(np.arange(4)), "not \\(3,\\) and int64 as recorded"),
    ):
        store.medium.write(ref.path, damage)
        for mode in (None, "r"):
            with pytest.raises(CorruptObjectError, match=said):
                scan.fetch1("trace").load(mode)
    store.medium.delete(ref.path)
    for mode in (None, "r"):
        with pytest.raises(MissingExternalFile):
            scan.fetch1("trace").load(mode)


def _saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


# ------------------------------------------------------------------------------------------ files in place


@pytest.mark.statement("COD-14")
def test_files_in_place(scan, store):
    store.medium.write("raw/x.dat", b"hello")
    scan.insert([{"scan": 1, "name": "f", "raw": "raw/x.dat"}, {"scan": 2, "name": "f", "raw": Path("raw")}])
    file, tree = scan.to_arrays("raw", order_by="scan")
    assert ("raw/x.dat", 5, False, b"hello") == (file.path, file.size, file.is_dir, file.read())
    assert ("raw", None, True, ["x.dat"]) == (tree.path, tree.size, tree.is_dir, tree.listdir())
    assert {"path", "store", "size", "is_dir", "timestamp"} == set(record(scan & "scan=1", "raw"))
    assert ["raw/x.dat"] == files(store, "")[-1:] or "raw/x.dat" in files(store, "")
    scan.delete(prompt=False)
    GarbageCollector(scan.connection.schemas[scan.database], grace=0, window=0).collect(dry_run=False)
    assert b"hello" == store.medium.read("raw/x.dat")


@pytest.mark.statement("COD-15")
@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "_hash/x", "_schema/x/y", "a/../../x", "~/x", "", "_quarantine/x", "_datajoint/gc"]
)  # fmt: skip
def test_files_outside_are_refused(scan, path):
    with pytest.raises(CodecError, match=r"(?s)<filepath@>.*`raw`"):
        scan.insert1({**ROW, "raw": path})


@pytest.mark.statement("COD-14", "COD-15")
def test_files_that_are_missing_or_elsewhere_are_refused(declare, make_store):
    store = make_store("file", filepath_prefix="raw")
    declare.schema.connection.config["stores"] = {**store.settings, "filepath_default": "main"}
    table = declare("Scan", SCAN)
    store.medium.write("other/x", b"")
    store.medium.write("rawer/x", b"")
    for path in ("other/x", "rawer/x"):
        with pytest.raises(EncodeError, match="can only refer to files in raw/"):
            table.insert1({**ROW, "raw": path})
    with pytest.raises(EncodeError, match="There is no file or folder raw/x"):
        table.insert1({**ROW, "raw": "raw/x"})
    store.medium.write("raw/x", b"1")
    table.insert1({**ROW, "raw": "raw/x"})
    store.medium.write("raw/x", b"12")
    with pytest.raises(IntegrityError, match="has 2 bytes, not 1"):
        table.fetch1("raw").verify()


# -------------------------------------------------------------------------------------------------- paths

KEYS = [
    ("int32", 5, "5"),
    ("varchar(400)", "x" * 300, None),
    ("varchar(400)", "🐭" * 100, None),
    ("varchar(20)", "a\nb/..", "a%0Ab%2F.."),
    ("varchar(20)", "..", ".."),
    ("date", dt.date(2026, 2, 3), "2026-02-03"),
    ("datetime(3)", dt.datetime.fromisoformat("2026-02-03T04:05:06.007"), "2026-02-03T04-05-06"),
    ("uuid", uuid.UUID(int=6), str(uuid.UUID(int=6))),
]


@pytest.mark.statement("STO-5")
@pytest.mark.parametrize("n", range(len(KEYS)))
def test_keys_in_paths(declare, make_store, n):
    dtype, value, shown = KEYS[n]
    store = make_store("file", token_length=12)
    declare.schema.connection.config["stores"] = store.settings
    table = declare("Scan", f"k : {dtype}\n---\no : <object@>")
    table.insert1({"k": value, "o": b"bytes"})
    ref = table.fetch1("o")
    part = ref.path.split("/")[3]
    assert shown is None or f"k={shown}" == part
    assert len(part.encode()) < 220
    assert len("o_") + 12 == len(ref.path.rpartition("/")[2])
    assert b"bytes" == ref.read()


@pytest.mark.statement("STO-6")
@pytest.mark.parametrize("pattern", ["{day}/{k}", "day/k"])
def test_partitions(declare, make_store, pattern):
    store = make_store("file", partition_pattern=pattern)
    declare.schema.connection.config["stores"] = store.settings
    table = declare("Scan", "k : int32\nn : int32\nday : date\n---\no : <object@>")
    table.insert1({"k": 1, "n": 2, "day": "2026-01-02", "o": b"x"})
    start = f"_schema/day=2026-01-02/k=1/{table.database}/scan/n=2/o_"
    assert table.fetch1("o").path.startswith(start)
    other = declare("Other", "k : int32\n---\no : <object@>")  # which lacks `day`
    other.insert1({"k": 1, "o": b"x"})
    assert other.fetch1("o").path.startswith(f"_schema/{table.database}/other/k=1/o_")
    collector = GarbageCollector(declare.schema, grace=0, window=0)
    assert 2 == collector.collect(dry_run=False)["schema_paths_referenced"]
    assert 2 == len(collector.schema_references())
    assert 2 == len(collector.list_schema_paths(table.database))


@pytest.mark.statement("COD-17")
@pytest.mark.parametrize("name", ["object", "npy", "filepath"])
def test_a_store_is_needed(declare, name):
    with pytest.raises(CodecError, match=f"<{name}> needs a store"):
        declare("Scan", f"scan : int32\n---\nx : <{name}>")
    assert [] == declare.schema.list_tables()


# --------------------------------------------------------------------------------------------- collection


@pytest.mark.statement("STO-9", "STO-12")
def test_files_and_folders_are_collected(scan, store, folder):
    scan.insert(
        [
            {"scan": 1, "name": "kept", "frames": folder, "trace": np.arange(3)},
            {"scan": 2, "name": "gone", "frames": folder, "trace": np.arange(3)},
        ]
    )
    gone = (scan & "scan=2").fetch1("frames")
    (scan & "scan=2").delete(prompt=False)
    history = scan.full_table_name.replace(scan.table_name, f"~h_{scan.table_name}")
    scan.connection.query(f"DROP TABLE IF EXISTS {history}")
    schema = scan.connection.schemas[scan.database]
    schema.connection.catalog.clear()
    with store_of(store).held(gone.path):
        held = GarbageCollector(schema, grace=0, window=0).collect(dry_run=False)
        assert 1 == held["schema_paths_orphaned"]  # the array alone
    report = GarbageCollector(schema, grace=0, window=9999).collect(dry_run=False)
    assert (4, 5, 5) == (report["schema_paths_deleted"], report["schema_paths_stored"] - 4, 5)
    kept = scan.fetch1("frames")
    assert kept.verify()
    np.testing.assert_array_equal([0, 1, 2], scan.fetch1("trace"))
    assert 5 == len(files(store))
    assert not gone.exists()
    assert b"a" == _opened(gone, "a.txt")  # from quarantine


def _opened(ref, name):
    with ref.open(name) as file:
        return file.read()


def store_of(tried):
    from datajoint.storage import store as stores

    return stores.store_of("main", tried.spec)


# ---------------------------------------------------------------------------------------- staged inserts


@pytest.mark.statement("STG-1", "STG-3")
def test_a_staged_file_and_an_inserted_one_look_alike(scan, store):
    with scan.staged_insert1 as staged:
        staged.rec.update(ROW)
        with staged.open("frames", ".bin") as file:
            file.write(b"bytes")
        assert 1 == len(files(store))  # at its place already
        assert 0 == len(scan())
    scan.insert1({"scan": 2, "name": "x", "frames": (".bin", b"bytes")})
    first, second = (record(scan & {"scan": n}, "frames") for n in (1, 2))
    assert set(first) == set(second)
    assert {"size": 5, "ext": ".bin", "is_dir": False, "item_count": None} == {
        name: first[name] for name in ("size", "ext", "is_dir", "item_count")
    }
    ref = (scan & "scan=1").fetch1("frames")
    assert b"bytes" == ref.read()
    assert ref.verify()
    assert [] == files(store, HELD)


@pytest.mark.statement("STG-1", "STG-3")
def test_a_staged_folder(scan, store):
    with scan.staged_insert1 as staged:
        staged.rec.update(ROW)
        target = staged.store("frames", ".zarr")
        target["a/0"] = b"xx"
        target["b"] = b"y"
        assert 1 == len(files(store, HELD))
    ref = scan.fetch1("frames")
    assert (3, 2, True, ".zarr") == (ref.size, ref.item_count, ref.is_dir, ref.ext)
    assert ref.path.endswith(".zarr")
    assert b"xx" == ref.fsmap["a/0"]
    assert ref.verify()


@pytest.mark.statement("STG-2")
def test_staged_inserts_refuse_what_makes_no_sense(scan, stored):
    with scan.staged_insert1 as staged:
        staged.rec["scan"] = 1
        with pytest.raises(dj.DataJointError, match=r"Set the whole primary key .*missing: name"):
            staged.open("frames")
        staged.rec["name"] = "a"
        with pytest.raises(dj.DataJointError, match="has no attribute `frame`"):
            staged.store("frame")
        with pytest.raises(dj.DataJointError, match="writes <object@> only"):
            staged.open("trace")
    assert 1 == len(scan())
    with (
        pytest.raises(dj.DataJointError, match="Nothing was written to the object of `frames`"),
        scan.staged_insert1 as staged,
    ):
        staged.rec.update(scan=2, name="a")
        staged.store("frames")
    assert 1 == len(scan())


class Interrupted(BaseException):
    """As KeyboardInterrupt, which pytest would take for its own."""


@pytest.mark.statement("STG-4", "STG-5")
@pytest.mark.parametrize("kind", [ValueError, Interrupted, SystemExit])
def test_a_staged_insert_that_fails_leaves_nothing(scan, store, kind):
    with pytest.raises(kind), scan.staged_insert1 as staged:
        staged.rec.update(ROW)
        staged.store("frames", ".zarr")["a/0"] = b"xx"
        raise kind
    assert ([], [], 0) == (files(store), files(store, HELD), len(scan()))


@pytest.mark.statement("STG-4", "STG-6")
def test_two_staged_inserts_of_one_key(scan, store):
    with scan.staged_insert1 as first:
        first.rec.update(ROW)
        first.store("frames")["a"] = b"first"
        with pytest.raises(DuplicateError), scan.staged_insert1 as second:
            second.rec.update(ROW)
            second.store("frames")["a"] = b"second"
            scan.insert1(ROW)
        scan.delete(prompt=False)
    assert b"first" == scan.fetch1("frames").fsmap["a"]
    with pytest.raises(DuplicateError), scan.staged_insert1 as third:
        third.rec.update(ROW)
        third.store("frames")["a"] = b"third"
    assert b"first" == scan.fetch1("frames").fsmap["a"]
    assert 1 == len(files(store))


@pytest.mark.statement("STG-1")
def test_a_make_stages_its_object(stored, store):
    stored("Scan", "scan : int32").insert([{"scan": 1}, {"scan": 2}])

    def make(self, key):
        with self.staged_insert1 as staged:
            staged.rec.update(key)
            staged.store("frames")["a"] = b"x" * key["scan"]
        if key["scan"] == 2:
            raise ValueError("no")

    fit = stored("Fit", "-> Scan\n---\nframes : <object@>", dj.Computed, make=make)
    fit.populate(suppress_errors=True)
    assert 1 == fit.fetch1("frames").size
    assert 1 == len(files(store))


# ------------------------------------------------------------------------------------------- own codecs


class NoteCodec(dj.SchemaCodec):
    """Texts in files, written with the helpers of the base class."""

    name = "djt_note"

    def encode(self, value, *, key=None, context=None, store_name=None):
        schema, table, field, own = self._extract_context(key, context)
        config = (key or {}).get("_config")
        path, _ = self._build_path(schema, table, field, own, ".txt", store_name, config)
        self._get_backend(store_name, config).put_buffer(value.encode(), path)
        return {"path": path, "store": store_name or None}

    def decode(self, stored, *, key=None, context=None):
        return self._get_backend(stored["store"], key["_config"]).get_buffer(stored["path"]).decode()


@pytest.mark.statement("COD-26", "COD-27")
def test_codecs_of_users_write_files(stored, store):
    table = stored("Note", "note : int32\n---\ntext : <djt_note@main>")
    table.insert1({"note": 1, "text": "hello"})
    assert "hello" == table.fetch1("text")
    (path,) = files(store)
    assert path.startswith(f"_schema/{table.database}/note/note=1/text_")
    report = GarbageCollector(stored.schema, grace=0, window=0).collect(dry_run=False)
    assert (1, 0) == (report["schema_paths_referenced"], report["deleted"])
    with pytest.raises(CodecError, match="<djt_note> needs a store"):
        stored("Other", "note : int32\n---\ntext : <djt_note>")

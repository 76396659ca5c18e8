"""Every medium of a store keeps the same contract."""

import os
from io import BytesIO

import pytest

from datajoint.errors import BucketInaccessible, ConfigurationError, MissingExternalFile, StorageError
from datajoint.storage import StorageAdapter, StorageBackend
from datajoint.storage.adapter import FileSystem
from datajoint.storage.local import DRAFTS, LocalFolder
from datajoint.storage.paths import hash_path, relative
from datajoint.storage.remote import Bucket
from datajoint.storage.store import QUARANTINE, store_of

PATHS = ["a", "a b/ü#?/c%2Fd", "k=v/x.tar.gz", "🐭/y"]


class _Local(StorageAdapter):
    protocol = "djt-local"
    required_keys = ("location",)

    def create_filesystem(self, spec):
        import fsspec

        return fsspec.filesystem("file")


@pytest.fixture(params=["file", "memory", "s3", "fsspec"])
def medium(request, make_store, tmp_path):
    if request.param == "fsspec":
        spec = {"protocol": "djt-local", "location": str(tmp_path / "fs")}
        return store_of("fs", spec).medium
    return make_store(request.param).medium


@pytest.mark.statement("STO-2", "STO-8")
@pytest.mark.parametrize("path", PATHS)
def test_an_object_is_written_found_listed_moved_and_deleted(medium, path):
    assert medium.find(path) is None
    medium.write(path, b"abc")
    assert b"abc" == medium.read(path)
    assert (path, 3) == (medium.find(path).path, medium.find(path).size)
    medium.write(path, BytesIO(b"defg"))
    with medium.open(path) as file:
        file.seek(2)
        assert b"fg" == file.read()
    folder = path.rpartition("/")[0]
    assert [path] == [entry.path for entry in medium.listing(folder) if not entry.path.startswith(DRAFTS)]
    medium.move(path, f"moved/{path}")
    assert medium.find(path) is None
    assert b"defg" == medium.read(f"moved/{path}")
    assert medium.delete(f"moved/{path}")
    assert not medium.delete(f"moved/{path}")


def test_what_is_created_is_not_overwritten(medium):
    assert medium.create("a/b", b"first")
    assert not medium.create("a/b", b"second")
    assert b"first" == medium.read("a/b")


def test_what_is_missing_is_named(medium):
    medium.write("there", b"")
    assert b"" == medium.read("there")
    for look in (medium.read, medium.open, lambda path: medium.move(path, "b")):
        with pytest.raises(MissingExternalFile, match=r"There is no object no/where in "):
            look("no/where")
    assert [] == list(medium.listing("no"))


def test_times_are_those_of_now(medium):
    import time

    medium.write("a", b"abc")
    assert abs(medium.find("a").modified - time.time()) < 300


@pytest.mark.statement("STO-8")
def test_a_file_is_flushed_before_it_gets_its_name_and_the_folder_after(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (steps.append(("renamed", b)), replace(a, b)))
    root = tmp_path / "store"
    LocalFolder(str(root)).write("a/b", b"abc")
    draft = next(n for n, step in enumerate(steps) if isinstance(step, str) and DRAFTS in step)
    renamed = steps.index(("renamed", str(root / "a" / "b")))
    assert draft < renamed < len(steps) - 1
    assert str(root / "a") == steps[-1]
    assert {str(root), str(tmp_path)} <= set(steps[:draft])  # the names of the folders are durable, too
    assert [] == list((root / DRAFTS).iterdir())


@pytest.mark.statement("STO-8")
def test_a_write_that_fails_leaves_nothing(tmp_path):
    class Broken(BytesIO):
        def read(self, *_):
            raise OSError(28, "No space left on device")

    folder = LocalFolder(str(tmp_path))
    with pytest.raises(StorageError, match=r"a/b in .*: No space left on device\.\nThe disk is full"):
        folder.write("a/b", Broken())
    assert [] == [entry.path for entry in folder.listing("")]


def test_links_do_not_lead_out_of_the_store(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "way").symlink_to(tmp_path)
    folder = LocalFolder(str(tmp_path / "store"))
    for act in (folder.read, folder.find, lambda path: folder.write(path, b"y"), folder.delete):
        with pytest.raises(StorageError, match="way/secret leaves its store: a symbolic link leads to"):
            act("way/secret")
    assert ["way"] == [entry.path for entry in folder.listing("")]


def test_a_folder_that_is_not_mounted_is_not_an_empty_one(tmp_path):
    folder = LocalFolder(str(tmp_path / "gone"))
    for act in (folder.read, lambda _: list(folder.listing("_hash"))):
        with pytest.raises(
            BucketInaccessible, match=r"gone of the store does not exist\.\nIs its disk mounted"
        ):
            act("a")


def test_a_bucket_that_is_missing_or_away_is_named(s3_server):
    spec = {"protocol": "s3", "bucket": "none-of-that", "location": "", "access_key": "a", "secret_key": "b"}
    for act in (lambda m: m.read("a"), lambda m: m.write("a", b""), lambda m: list(m.listing(""))):
        with pytest.raises(BucketInaccessible, match="The bucket none-of-that does not exist"):
            act(Bucket({**spec, "endpoint": s3_server}))


def test_a_server_that_is_away_is_told():
    spec = {"protocol": "s3", "bucket": "b", "location": "", "access_key": "a", "secret_key": "b"}
    with pytest.raises(StorageError, match=r"a in s3://b: .*\nCheck the network, the endpoint"):
        Bucket({**spec, "endpoint": "127.0.0.1:9"}).read("a")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../a", "a/../../b", "a\\b", "~/a", "c:/a", "a\0", None])
def test_paths_that_leave_a_store_are_refused(path):
    with pytest.raises(StorageError, match="is no path within a store"):
        relative(path)


@pytest.mark.statement("STO-4")
def test_paths_of_content():
    assert "_hash/lab/abcdef" == hash_path("_hash", "lab", "abcdef")
    assert "_hash/lab/ab/cde/abcdef" == hash_path("/_hash/", "lab", "abcdef", (2, 3))
    assert "lab/abcdef" == hash_path("", "lab", "abcdef")


def test_a_reader_looks_in_quarantine(make_store):
    store = store_of("main", make_store("file").spec)
    path = store.put_content(b"abc", "lab")["path"]
    store.withdraw(path)
    assert [f"{QUARANTINE}/{path}"] == [entry.path for entry in store.medium.listing(QUARANTINE)]
    assert b"abc" == store.read(path)


def test_content_that_is_stored_again_gets_a_new_time(make_store):
    made = make_store("file")
    store = store_of("main", made.spec)
    path = store.put_content(b"abc", "lab")["path"]
    os.utime(os.path.join(made.spec["location"], path), (1, 1))
    store.put_content(b"abc", "lab")
    assert store.medium.find(path).modified > 1_000_000


def test_half_an_object_is_written_again(make_store):
    store = store_of("main", make_store("file").spec)
    path = store.put_content(b"abc", "lab")["path"]
    store.medium.write(path, b"a")
    store.put_content(b"abc", "lab")
    assert b"abc" == store.medium.read(path)


@pytest.mark.statement("STO-13")
def test_an_adapter_checks_its_keys():
    with pytest.raises(ConfigurationError, match="A store of protocol djt-local needs location"):
        store_of("x", {"protocol": "djt-local"})
    with pytest.raises(ConfigurationError, match="has unknown keys: colour"):
        store_of("x", {"protocol": "djt-local", "location": "a", "colour": "red"})
    with pytest.raises(ConfigurationError, match="protocol fiel, which nothing installed here knows"):
        store_of("x", {"protocol": "fiel"})
    assert isinstance(store_of("x", {"protocol": "djt-local", "location": "a"}).medium, FileSystem)


def test_files_as_existing_code_moves_them(make_store, tmp_path):
    backend = StorageBackend(make_store("s3").spec)
    (tmp_path / "a.bin").write_bytes(b"abc")
    backend.put_file(tmp_path / "a.bin", "folder/a.bin")
    assert backend.exists("folder/a.bin")
    assert backend.exists("folder")
    assert backend.isdir("folder")
    assert 3 == backend.size("folder/a.bin")
    backend.get_file("folder/a.bin", tmp_path / "new" / "b.bin")
    assert b"abc" == (tmp_path / "new" / "b.bin").read_bytes()
    assert backend.get_url("folder/a.bin").startswith("s3://")
    backend.remove("folder/a.bin")
    backend.remove("folder/a.bin")
    assert not backend.exists("folder")
    backend.put_buffer(b"x", "f/1")
    backend.put_buffer(b"y", "f/g/2")
    backend.remove_folder("f")
    assert not backend.exists("f/g/2")

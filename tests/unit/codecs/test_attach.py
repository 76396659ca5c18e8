"""Attachments: name and contents in, a file in the download folder out, never over another one."""

from types import SimpleNamespace

import pytest

from datajoint.codecs import CodecContext, resolve
from datajoint.errors import DecodeError, EncodeError


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "downloads"


@pytest.fixture
def fetch(folder):
    context = CodecContext(config=SimpleNamespace(download_path=str(folder)))
    attach = resolve("attach")
    return lambda stored: attach.decode(stored, context=context)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_in_table_storage():
    assert "bytes" == resolve("attach").storage


@pytest.mark.parametrize("name", ["data.bin", "no suffix", "ünï✓.tar.gz", "a:b (1).txt"])
def test_name_and_contents_are_stored(tmp_path, folder, fetch, name):
    (tmp_path / name).write_bytes(b"a\0b\r\n")
    for path in (tmp_path / name, str(tmp_path / name)):
        stored = resolve("attach").encode(path)
        assert name.encode() + b"\0a\0b\r\n" == stored
    path = fetch(stored)
    assert str(folder / name) == path
    assert {name: b"a\0b\r\n"} == contents(folder)


def test_equal_contents_are_used_again(folder, fetch):
    assert fetch(b"a.txt\0one") == fetch(bytearray(b"a.txt\0one")) == fetch(memoryview(b"a.txt\0one"))
    assert {"a.txt": b"one"} == contents(folder)


def test_other_contents_get_another_name(folder, fetch):
    stored = [b"a.txt\0one", b"a.txt\0two", b"a.txt\0three", b"a.txt\0two", b"a.txt\0one", b"a.txt\0"]
    names = [fetch(item).rpartition("/")[2].rpartition("\\")[2] for item in stored]
    assert ["a.txt", "a_1.txt", "a_2.txt", "a_1.txt", "a.txt", "a_3.txt"] == names
    assert {"a.txt": b"one", "a_1.txt": b"two", "a_2.txt": b"three", "a_3.txt": b""} == contents(folder)


def test_a_folder_of_that_name_is_left_alone(folder, fetch):
    (folder / "a.txt").mkdir(parents=True)
    assert fetch(b"a.txt\0one").endswith("a_1.txt")


def test_a_broken_link_is_not_followed(folder, fetch, tmp_path):
    folder.mkdir()
    (folder / "a.txt").symlink_to(tmp_path / "elsewhere")
    assert fetch(b"a.txt\0one").endswith("a_1.txt")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", [b"../../evil.txt", b"/etc/evil.txt", b"..\\evil.txt", b"C:\\x\\evil.txt"])
def test_crafted_names_stay_in_the_folder(folder, fetch, name):
    assert str(folder / "evil.txt") == fetch(name + b"\0x")
    assert ["evil.txt"] == list(contents(folder))


NAMES = {
    ".bashrc": "_.bashrc", "-rf": "_-rf", "~": "_~", "...": "_", "a\nb\r.txt": "a_b_.txt", "a\x1b[31m.txt": "a_[31m.txt",
    "\u202etxt.exe": "_txt.exe", "a\u2028b": "a_b", " a. ": "a", "con": "_con", "NUL.txt": "_NUL.txt", "com1.tar.gz": "_com1.tar.gz",
    "LPT\u00b9": "_LPT\u00b9", "console": "console", "x" * 300 + ".bin": "x" * 226 + ".bin", "é" * 200: "é" * 115,
    "x." + "y" * 300: "x." + "y" * 228, "$(ls)": "$(ls)",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_are_made_safe(folder, fetch, name):
    """Faults §4: dot files, options, line breaks, devices of Windows, names that no file system takes."""
    assert str(folder / NAMES[name]) == fetch(name.encode() + b"\0one")
    assert fetch(name.encode() + b"\0one") == fetch(name.encode() + b"\0one")
    assert fetch(name.encode() + b"\0two") != fetch(name.encode() + b"\0one")
    assert {b"one", b"two"} == set(contents(folder).values())
    assert all(len(found.encode()) <= 255 for found in contents(folder))


def test_a_name_that_is_no_text(folder, fetch):
    assert "a\ufffdb" == fetch(b"a\xffb\0x").rpartition("/")[2]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    context = CodecContext(config=SimpleNamespace(download_path=str(tmp_path / "file")))
    with pytest.raises(DecodeError, match=r"a\.txt cannot be written"):
        resolve("attach").decode(b"a.txt\0x", context=context)


@pytest.mark.parametrize("stored", [b"no end", b"\0x", b"..\0x", b"a/\0x", b""])
def test_no_name(fetch, stored):
    with pytest.raises(DecodeError, match="no file name"):
        fetch(stored)


def test_without_settings_the_working_folder_is_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "a.txt" == resolve("attach").decode(b"a.txt\0one")
    assert b"one" == (tmp_path / "a.txt").read_bytes()


@pytest.mark.parametrize("value", [5, b"a.txt", None, ["a.txt"]])
def test_what_is_no_path(value):
    with pytest.raises(TypeError, match="takes the path of a file"):
        resolve("attach").validate(value)


def test_a_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(EncodeError, match="cannot read the file"):
            resolve("attach").encode(path)


def test_a_file_system_without_links(folder, fetch, monkeypatch):
    def refuse(source, target):
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", refuse)
    assert fetch(b"a.txt\0one").endswith("a.txt")
    assert {"a.txt": b"one"} == contents(folder)


def test_another_process_on_a_file_system_without_links(folder, fetch, monkeypatch):
    def overtaken(source, target):
        (folder / "a.txt").write_bytes(b"theirs")
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", overtaken)
    assert fetch(b"a.txt\0one").endswith("a_1.txt")
    assert {"a.txt": b"theirs", "a_1.txt": b"one"} == contents(folder)


def test_another_process_that_is_faster(folder, fetch, monkeypatch):
    def overtaken(source, target):
        (folder / "a.txt").write_bytes(b"theirs")
        monkeypatch.undo()
        raise FileExistsError(target)

    monkeypatch.setattr("os.link", overtaken)
    assert fetch(b"a.txt\0one").endswith("a_1.txt")
    assert {"a.txt": b"theirs", "a_1.txt": b"one"} == contents(folder)

"""A store in a folder, while a collector deletes the folders that are empty."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from datajoint.storage.local import LocalFolder


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    return LocalFolder(str(tmp_path / "store"))


@pytest.fixture
def deleting(folder: LocalFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Delete each folder once, right after it was made; yield what was deleted."""
    deleted: list[str] = []
    real = os.mkdir

    def make_and_lose(path: str, *arguments: int) -> None:
        real(path, *arguments)
        if path not in deleted and path.startswith(folder.place + os.sep):
            deleted.append(path)
            shutil.rmtree(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", make_and_lose)
        yield deleted


def test_a_file_is_written_though_its_folders_are_deleted(folder: LocalFolder, deleting: list[str]) -> None:
    folder.write("a/b/c", b"abc")
    assert b"abc" == folder.read("a/b/c")
    assert {folder.path_of(path) for path in ("a", "a/b", "_datajoint", "_datajoint/drafts")} == set(deleting)


def test_a_file_is_created_though_its_folders_are_deleted(folder: LocalFolder, deleting: list[str]) -> None:
    assert folder.create("a/b/c", b"abc")
    assert not folder.create("a/b/c", b"other")
    assert b"abc" == folder.read("a/b/c")
    assert folder.path_of("a/b") in deleting


def test_a_file_is_moved_though_the_new_folders_are_deleted(folder: LocalFolder, deleting: list[str]) -> None:
    folder.write("a/c", b"abc")
    folder.move("a/c", "q/r/c")
    assert b"abc" == folder.read("q/r/c")
    assert folder.find("a/c") is None
    assert folder.path_of("q/r") in deleting


def test_a_folder_deleted_between_the_file_and_the_flush_is_no_error(
    folder: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def replace_and_lose(source: str, target: str) -> None:
        real(source, target)
        shutil.rmtree(os.path.dirname(target))

    monkeypatch.setattr(os, "replace", replace_and_lose)
    folder.write("a/b", b"abc")
    assert folder.find("a/b") is None


def test_a_file_system_without_links_creates_all_the_same(
    folder: LocalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: str) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert folder.create("a/b", b"abc")
    assert not folder.create("a/b", b"other")
    assert b"abc" == folder.read("a/b")

"""Plug-ins: what is registered by hand first, then installed packages, and broken ones harm nobody."""

import importlib.metadata
import os
from types import SimpleNamespace

import pytest

from datajoint._registry import Registry
from datajoint.errors import ConfigurationError, DataJointWarning


class Entry:
    """An entry point of an installed package, or of a broken one."""

    def __init__(self, name, loaded, group="datajoint.things", package="things"):
        self.name, self.group, self.loaded = name, group, loaded
        self.dist = SimpleNamespace(name=package, version="1.2")
        self.loads = 0

    def load(self):
        self.loads += 1
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.fixture
def installed(monkeypatch):
    """A list of the entry points that are installed, and of the groups that were asked for."""
    entries, asked = [], []

    def entry_points(*, group):
        asked.append(group)
        return [entry for entry in entries if entry.group == group]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return SimpleNamespace(entries=entries, asked=asked)


def test_registered_things_need_no_packages(installed):
    registry = Registry("datajoint.things")
    registry.register("one", 1)
    assert 1 == registry.find("one")
    assert registry.registered("two") is None
    assert [] == installed.asked


def test_packages_are_asked_on_the_first_miss_and_once(installed):
    installed.entries[:] = [Entry("two", 2), Entry("three", 3)]
    registry = Registry("datajoint.things")
    assert [2, 2, 3] == [registry.find(name) for name in ("two", "two", "three")]
    assert [["datajoint.things"], [1, 1]] == [installed.asked, [entry.loads for entry in installed.entries]]


def test_only_what_is_wanted_is_loaded(installed):
    installed.entries[:] = [Entry("two", 2), Entry("three", 3)]
    assert 3 == Registry("datajoint.things").find("three")
    assert [0, 1] == [entry.loads for entry in installed.entries]


def test_our_own_things_are_imported_when_asked_for(installed):
    registry = Registry(
        "datajoint.things", own={"sep": "os:sep", "linesep": "os:linesep", "none": "os:no_such"}
    )
    installed.entries[:] = [Entry("linesep", "package")]
    assert ["linesep", "none", "sep"] == registry.names()
    assert {} == registry._items
    assert os.sep == registry.find("sep") == registry.registered("sep")
    assert os.linesep == registry.find("linesep")
    assert registry.find("none") is None
    assert 0 == installed.entries[0].loads


def test_what_is_registered_by_hand_wins(installed):
    installed.entries[:] = [Entry("one", "package")]
    registry = Registry("datajoint.things")
    registry.register("one", "hand")
    assert ["one"] == registry.names()
    assert "hand" == registry.find("one")
    assert 0 == installed.entries[0].loads


def test_the_first_group_wins(installed):
    installed.entries[:] = [Entry("one", "old", group="legacy"), Entry("one", "new")]
    assert "new" == Registry("datajoint.things", "legacy").find("one")


def test_other_names_of_a_package_are_found(installed):
    registry = Registry("datajoint.things", accept=lambda name, loaded: (loaded, loaded))
    installed.entries[:] = [Entry("announced", "other")]
    assert "other" == registry.find("other")


def test_a_broken_package_is_named_and_harms_nobody(installed):
    installed.entries[:] = [Entry("bad", ImportError("no such module"), package="broken"), Entry("good", 1)]
    registry = Registry("datajoint.things")
    assert 1 == registry.find("good")
    with pytest.warns(DataJointWarning, match=r"'bad' \(datajoint.things\) of the package broken 1.2"):
        assert ["good"] == registry.names()
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"broken 1\.2 cannot be loaded: ImportError: no such module"
        ):
            registry.find("bad")
    assert registry.find("absent") is None


def test_what_is_not_accepted_is_named(installed):
    def accept(name, loaded):
        raise TypeError("a number is no thing")

    installed.entries[:] = [Entry("one", 1)]
    with pytest.raises(ConfigurationError, match="a number is no thing"):
        Registry("datajoint.things", accept=accept).find("one")

"""Values: names inside mappings, secrets, types, what a copy shares."""

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import datajoint.logging
from datajoint.errors import ConfigurationError, DataJointWarning
from datajoint.settings import SETTINGS, Config, ConnectionSettings, Secret, resolve_connection
from datajoint.settings.convert import suggestion
from datajoint.settings.model import LOG_LEVELS
from datajoint.settings.secret import Tree, clone, dig, masked


def test_a_secret_is_text_that_does_not_show():
    secret = Secret("open sesame")
    assert ("open sesame", "open sesame") == (f"{secret}", secret.get_secret_value())
    assert b"open sesame" == secret.encode()
    assert "sesame" not in repr([secret])
    assert (Secret, "open sesame") == (type(pickle.loads(pickle.dumps(secret))), copy.copy(secret))


def test_masking_reaches_into_lists_and_leaves_the_rest():
    shown = masked({"a": [{"token": "x", "n": 3}], "password": None, "token_length": 8, "secret": True})
    assert {
        "a": [{"token": "**********", "n": 3}],
        "password": None,
        "token_length": 8,
        "secret": True,
    } == shown


def test_paths_into_mappings_whose_keys_hold_dots():
    tree = {"a.b": {"c": 1}, "a": {"b": {"d": 2}}}
    assert (1, 2, None) == (dig(tree, "a.b.c"), dig(tree, "a.b.d"), dig(tree, "a.b.e"))


def test_clones_share_nothing():
    tree = Tree(a={"b": [{"c": 1}]})
    twin = clone(tree)
    twin["a"]["b"][0]["c"] = 2
    assert 1 == tree["a"]["b"][0]["c"]


def test_names_inside_mappings_are_assigned_in_place():
    config = Config()
    config["custom.deep.er"] = 1
    held = config["custom"]
    config["custom.deep.est"] = 2
    assert {"deep": {"er": 1, "est": 2}} == held
    config["stores.a.location"] = "x"
    config["provenance.source.rig"] = 3
    assert ({"a": {"location": "x"}}, {"rig": 3}) == (config.stores, config.provenance.source)
    assert "assigned" == config.origin("stores.a.location")


def test_sections_of_unknown_names():
    config = Config()
    with pytest.warns(DataJointWarning):
        config["globus.here"] = 1
    with pytest.warns(DataJointWarning):
        config["other"] = {"deep": 1}
    assert ({"here": 1}, 1, {"deep": 1}) == (config["globus"], config["other.deep"], config["other"])
    del config["other"]
    assert "other" not in config
    with pytest.raises(KeyError):
        del config["other"]
    del config["safemode"]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("safemode", "no", False),
        ("safemode", 1, True),
        ("display.limit", "7", 7),
        ("display.limit", 7.0, 7),
        ("jobs.lease", "1.5", 1.5),
        ("download_path", Path("x"), "x"),
        ("query_cache", "x", Path("x")),
        ("query_cache", Path("x"), Path("x")),
        ("loglevel", "jobs", "JOBS"),
        ("database.backend", "SQLite", "sqlite"),
        ("database.use_tls", 1, True),
        ("jobs.timeout", None, None),
        ("provenance.history_bytes", 2**40, 2**40),
    ],
)
def test_values_are_brought_into_their_type(name, value, kept):
    config = Config()
    config[name] = value
    assert (kept, type(kept)) == (config[name], type(config[name]))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_default_is_of_its_own_type(name):
    config = Config()
    value = config[name]
    config[name] = value
    assert (value, type(value)) == (config[name], type(config[name])) or isinstance(value, dict)


def test_a_backend_of_a_plugin(monkeypatch):
    found = {"datajoint.backends": type("Found", (), {"names": {"duckdb"}})}
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found[group])
    config = Config().copy(database__backend="duckdb", database__name="x")
    assert ("duckdb", None, "x") == (
        (settings := resolve_connection(config)).backend,
        settings.port,
        settings.name,
    )
    with pytest.raises(ConfigurationError, match="oracle"):
        config.database.backend = "oracle"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("limit", "display.limit"),
        ("databse.host", "database.host"),
        ("database.usr", "database.user"),
        ("database.prefix", "database.database_prefix"),
        ("jobs.timout", "jobs.timeout"),
        ("safe_mode", "safemode"),
        ("databse", "database"),
    ],
)
def test_the_nearest_name(name, known):
    assert f"Did you mean `{known}`?" == suggestion(name)


def test_a_port_within_the_host():
    config = Config().copy(database__host="h:3307", database__user="a", database__password="")
    assert ("h", 3307) == (resolve_connection(config).host, resolve_connection(config).port)
    config.database.port = 3308
    assert ("h", 3307) == (resolve_connection(config).host, resolve_connection(config).port)


def test_a_connection_never_shows_its_password():
    assert "sesame" not in repr(ConnectionSettings("mysql", user="a", password="sesame"))
    assert "password=None" in repr(ConnectionSettings("sqlite"))


def test_levels_are_those_of_the_logger():
    assert datajoint.logging.JOBS == LOG_LEVELS["JOBS"]


def test_copies_and_pickles_do_not_loop():
    config = Config().copy(display__limit=3)
    assert not hasattr(config, "_missing")
    assert not hasattr(config.display, "_missing")
    assert {config: 1}[config] == 1
    assert config != Config()


def test_the_import_loads_nothing_slow():
    code = "import datajoint.settings, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    slow = {
        "pathlib",
        "json",
        "tomllib",
        "dataclasses",
        "inspect",
        "difflib",
        "copy",
        "importlib.metadata",
        "re",
    }
    before = subprocess.run(
        [sys.executable, "-c", "import sys, typing; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set() == slow & set(loaded) - set(before)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("h", ("h", 4000)), ("h:3307", ("h", 3307)), ("::1", ("::1", 4000)), ("fe80::1:22", ("fe80::1:22", 4000)),
        ("[::1]", ("::1", 4000)), ("[::1]:3307", ("::1", 3307)), ("10.0.0.1:65535", ("10.0.0.1", 65535)),
    ],
)  # fmt: skip
def test_a_port_in_the_host_comes_first(host, expected):
    config = Config().copy(
        database__host=host, database__port=4000, database__user="a", database__password=""
    )
    settings = resolve_connection(config)
    assert expected == (settings.host, settings.port)


@pytest.mark.parametrize("host", ["h:", "h:x", "h:0", "h:65536", "[::1]:y"])
def test_a_wrong_port_in_the_host_is_refused(host):
    config = Config().copy(database__host=host, database__user="a", database__password="")
    with pytest.raises(ConfigurationError, match="no port"):
        resolve_connection(config)

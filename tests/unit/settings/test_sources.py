"""Sources: settings of DataJoint 0.14, odd files, what is read at all."""

import json
import os
from pathlib import Path

import pytest

from datajoint.errors import ConfigurationError
from datajoint.settings import is_thread_safe, load_config, sources


@pytest.fixture(autouse=True)
def _no_system_secrets(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "SYSTEM_SECRETS", str(tmp_path / "absent"))


OLD = {
    "database.host": "h",
    "database.user": None,
    "database.password": None,
    "connection.init_function": None,
    "fetch_format": "array",
    "cache": "/tmp/cache",
    "display.limit": 7,
    "stores": {
        "a": {"protocol": "file", "location": "x"},
        "b": {"protocol": "file", "location": "y", "subfolding": [1]},
    },
}


@pytest.mark.parametrize("name", ["lab/dj_local_conf.json", "home/.datajoint_config.json"])
def test_a_file_of_0_14_is_read_with_one_line(tmp_path, caplog, name):
    for folder in ("lab/.git", "home"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / name).write_text(json.dumps(OLD))
    caplog.set_level("INFO", "datajoint")
    config = load_config({"HOME": str(tmp_path / "home")}, tmp_path / "lab")
    assert ("h", 7, Path("/tmp/cache")) == (config.database.host, config.display.limit, config.query_cache)
    assert [2, 2] == config.get_store_spec("a")["subfolding"], "what 0.14 took when nothing was said"
    assert [1] == config.get_store_spec("b")["subfolding"]
    assert 1 == sum(name.rpartition("/")[2] in message and "0.14" in message for message in caplog.messages)


def test_an_old_file_does_not_count_beside_a_new_one(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "dj_local_conf.json").write_text('{"display.limit": 7}')
    (tmp_path / "datajoint.json").write_text("{}")
    assert 12 == load_config({}, tmp_path).display.limit


def test_a_pyproject_without_our_section_is_no_configuration(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "datajoint.json").write_text('{"display.limit": 7}')
    (tmp_path / "src" / "pyproject.toml").write_text(
        '[project]\ndependencies = ["datajoint"]\n# tool.datajoint'
    )
    assert 7 == load_config({}, tmp_path / "src").display.limit
    (tmp_path / "src" / "pyproject.toml").write_text("[tool.datajoint\n")
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        load_config({}, tmp_path / "src")


def test_null_in_a_file_is_unset(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "datajoint.json").write_text(
        '{"display": {"limit": null}, "stores": null, "database.host": null}'
    )
    config = load_config({}, tmp_path)
    assert (12, {}, False) == (config.display.limit, config.stores, config.is_set("database.host"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_secret_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets" / "database.password").write_text("x")
    (tmp_path / ".secrets" / "database.password").chmod(0)
    with pytest.raises(ConfigurationError, match=r"database\.password"):
        load_config({}, tmp_path)


def test_a_secret_that_is_not_text_is_an_error(tmp_path):
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets" / "database.password").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"database\.password"):
        load_config({}, tmp_path)


def test_a_secrets_folder_that_is_a_file(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".secrets").write_text("")
    assert load_config({}, tmp_path).database.user is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({}, False), ({"DJ_THREAD_SAFE": "1"}, True), ({"DJ_THREAD_SAFE": "false"}, False)],
)
def test_thread_safety_is_a_property_of_the_process(variables, expected):
    assert expected == is_thread_safe(variables)


def test_a_wrong_word_for_thread_safety():
    with pytest.raises(ConfigurationError, match="DJ_THREAD_SAFE"):
        is_thread_safe({"DJ_THREAD_SAFE": "perhaps"})

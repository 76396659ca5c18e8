"""The description of a store: required and unknown keys, defaults, prefixes."""

import pytest

from datajoint.errors import ConfigurationError
from datajoint.settings import Config

COMPLETE = {
    "file": {"location": "/data"},
    "memory": {},
    "s3": {"endpoint": "e", "bucket": "b", "location": "l"},
    "gcs": {"bucket": "b", "location": "l"},
    "azure": {"container": "c", "location": "l"},
}


def config_with(**stores):
    config = Config()
    config["stores"] = stores
    return config


@pytest.mark.parametrize("protocol", COMPLETE)
def test_defaults_are_filled_in(protocol):
    spec = config_with(a={"protocol": protocol, **COMPLETE[protocol]}).get_store_spec("a")
    defaults = {
        "subfolding": None,
        "partition_pattern": None,
        "token_length": 8,
        "hash_prefix": "_hash",
        "schema_prefix": "_schema",
        "filepath_prefix": None,
    }
    assert {"protocol": protocol, **COMPLETE[protocol], **defaults} == spec


@pytest.mark.parametrize(
    ("protocol", "missing"), [(protocol, key) for protocol, keys in COMPLETE.items() for key in keys]
)
def test_a_missing_key_is_named(protocol, missing):
    keys = {key: value for key, value in COMPLETE[protocol].items() if key != missing}
    with pytest.raises(ConfigurationError, match=rf"is missing `stores\.a\.{missing}`\."):
        config_with(a={"protocol": protocol, **keys}).get_store_spec("a")


def test_unknown_keys_are_named():
    with pytest.raises(ConfigurationError, match=r"unknown keys: `locatoin`(.|\n)*`location`"):
        config_with(a={"protocol": "file", "location": "x", "locatoin": "y"}).get_store_spec("a")
    with pytest.raises(ConfigurationError, match="`bucket`"):
        config_with(a={"protocol": "file", "location": "x", "bucket": "y"}).get_store_spec("a")


def test_a_protocol_of_a_plugin_is_left_to_its_adapter():
    assert "x" == config_with(a={"protocol": "sftp", "host": "x"}).get_store_spec("a")["host"]


@pytest.mark.parametrize(
    ("attributes", "gist"),
    [
        ({"protocol": None}, "protocol"),
        ({"token_length": 3}, "token_length"),
        ({"token_length": "x"}, "token_length"),
        ({"subfolding": "2"}, "subfolding"),
        ({"subfolding": [0]}, "subfolding"),
        ({"location": 3}, "location"),
        ({"hash_prefix": "a", "schema_prefix": "a/b"}, "overlap"),
        ({"hash_prefix": "a", "filepath_prefix": "a"}, "overlap"),
        ({"hash_prefix": ""}, "overlap"),
    ],
)
def test_wrong_values_are_refused(attributes, gist):
    with pytest.raises(ConfigurationError, match=gist):
        config_with(a={"protocol": "file", "location": "x", **attributes}).get_store_spec("a")


def test_prefixes_that_only_begin_alike_do_not_overlap():
    store = {
        "protocol": "file",
        "location": "x",
        "hash_prefix": "a",
        "schema_prefix": "ab",
        "filepath_prefix": "",
    }
    assert "ab" == config_with(a=store).get_store_spec("a")["schema_prefix"]


def test_the_default_store(tmp_path):
    config = config_with(a={"protocol": "file", "location": tmp_path}, b=COMPLETE["s3"])
    with pytest.raises(ConfigurationError, match=r"stores\.default.*not configured"):
        config.get_store_spec()
    config["stores.default"] = "a"
    assert str(tmp_path) == config.get_store_spec()["location"]
    with pytest.raises(ConfigurationError, match=r"stores\.filepath_default"):
        config.get_store_spec(use_filepath_default=True)
    config["stores.filepath_default"] = "zz"
    with pytest.raises(ConfigurationError, match=r"`zz` is requested but not configured"):
        config.get_store_spec(use_filepath_default=True)
    with pytest.raises(ConfigurationError, match="`default` is requested"):
        config.get_store_spec("default")
    with pytest.raises(ConfigurationError, match="No store is configured"):
        Config().get_store_spec("a")


def test_values_from_secrets_files_are_text():
    store = {"protocol": "s3", **COMPLETE["s3"], "secure": "false", "token_length": "10", "access_key": "id"}
    spec = config_with(a=store).get_store_spec("a")
    assert (False, 10) == (spec["secure"], spec["token_length"])
    assert "id" not in repr(spec)


def test_a_description_is_a_copy():
    config = config_with(a={"protocol": "file", "location": "x", "subfolding": [2]})
    config.get_store_spec("a")["subfolding"].append(3)
    assert [2] == config.stores["a"]["subfolding"]

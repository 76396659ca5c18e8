"""What existing code does and expects: forms of rows, classes of errors, small spellings."""

import json

import numpy as np
import pandas as pd
import pytest

import datajoint as dj
from datajoint.codecs.blob import pack
from datajoint.errors import (
    ConfigurationError,
    DataJointError,
    DataJointWarning,
    QueryError,
    ThreadSafetyError,
    UnknownAttributeError,
)


@pytest.fixture
def rig(declare):
    return declare("Rig", "rig : int32\n---\nsettings=null : json\ntrace=null : <blob>")


@pytest.mark.statement("INS-1")
@pytest.mark.filterwarnings("ignore:Positional rows")
def test_a_positional_row_that_holds_a_dict_is_one_row(rig):
    rig.insert1((0, {"a": [1]}, {"b": 2}))
    rig.insert1([1, {"a": {"b": None}}, None])
    assert {"rig": 0, "settings": {"a": [1]}, "trace": {"b": 2}} == (rig & {"rig": 0}).fetch1()
    assert {"a": {"b": None}} == (rig & {"rig": 1}).fetch1("settings")
    for wrong in ([{"rig": 2}], [{"rig": 2}, {"rig": 3}, {"rig": 4}], ({"rig": 2}, {"rig": 3})):
        with pytest.raises(QueryError, match="insert1 takes one row"):
            rig.insert1(wrong)
    assert 2 == len(rig)


@pytest.mark.statement("INS-14")
@pytest.mark.filterwarnings("ignore:Positional rows")
def test_validate_of_rows_of_a_wrong_width_returns_a_result(rig):
    for rows in ([(1, 2)], iter([(1, 2)]), [(1,), (1, 2, 3, 4)]):
        result = rig.validate(rows)
        assert not result
        assert "incorrect number of attributes" in result.summary()
    result = rig.validate([(1, None, None), {"rig": 2}, (3,), "rig", {"rig": "x"}])
    assert [2, 3, 4] == [number for number, _, _ in result.errors]
    assert 5 == result.rows_checked
    with pytest.raises(DataJointError, match="Validation failed"):
        result.raise_if_invalid()


@pytest.mark.statement("DEL-9")
def test_drop_takes_no_cascade(rig):
    for wrong in ("cascade", "nothing"):
        with pytest.raises(ValueError, match="part_integrity of drop is 'enforce' or 'ignore'") as caught:
            rig.drop(prompt=False, part_integrity=wrong)
        assert isinstance(caught.value, DataJointError)
    assert rig.is_declared


@pytest.mark.statement("FET-3", "FET-5")
def test_squeeze_reaches_into_cells(rig):
    cells = np.empty((1, 2), dtype=object)
    cells[0, 0], cells[0, 1] = np.ones((1, 3)), np.ones((2, 1))
    rig.insert1({"rig": 0, "trace": cells})
    for found in (rig.fetch1("trace", squeeze=True), rig.fetch1(squeeze=True)["trace"]):
        assert (2,) == found.shape
        assert [(3,), (2,)] == [cell.shape for cell in found]
    [found] = rig.to_arrays("trace", squeeze=True)
    assert [(3,), (2,)] == [cell.shape for cell in found]
    assert (1, 2) == rig.fetch1("trace").shape
    assert pack(cells)


@pytest.mark.statement("SCH-6")
def test_a_schema_has_tables_with_or_without_the_prefix_of_their_tier(schema, declare):
    declare("Experiment", "experiment : int32", dj.Lookup)
    declare("Run", "-> Experiment", dj.Computed, make=lambda self, key: None)
    for name in ("experiment", "#experiment", "Experiment", "run", "__run", "Run"):
        assert name in schema, name
        assert schema[name].is_declared
    assert "runs" not in schema


@pytest.mark.statement("DEF-7")
def test_a_second_divider_is_ignored_with_a_notice(declare):
    with pytest.warns(DataJointWarning, match="`Twice` has a second line `---`, line 4, which is ignored"):
        table = declare("Twice", "a : int32\n---\nb : int32\n---\nc : int32")
    assert ["a"] == table.primary_key
    assert ["b", "c"] == table.heading.secondary_attributes


@pytest.mark.statement("ERR-1")
def test_errors_are_caught_by_the_classes_that_code_names(rig, tmp_path, monkeypatch, instance):
    for act in (
        lambda: rig.insert1({"rig": 1, "wrong": 2}),
        lambda: rig.proj("wrong"),
        lambda: rig.to_arrays("wrong"),
        lambda: rig.fetch1("wrong"),
        lambda: rig & "wrong = 1",
    ):
        with pytest.raises(KeyError) as caught:
            act()
        assert isinstance(caught.value, UnknownAttributeError)
        assert "wrong" in str(caught.value)
        assert "\\n" not in str(caught.value)
    config = instance.config
    config.save_template(tmp_path / "datajoint.json", create_secrets_dir=False)
    with pytest.raises(FileExistsError) as caught:
        config.save_template(tmp_path / "datajoint.json")
    assert isinstance(caught.value, ConfigurationError)
    with pytest.raises(DataJointError, match=r"delete\(\) is for tables") as caught:
        rig.proj().delete()
    assert isinstance(caught.value, AttributeError)
    assert not hasattr(rig.proj(), "delete")
    for wrong in ([{"rig": 1}], {"rig": 1}, rig):
        with pytest.raises(TypeError, match="insert_dataframe takes a pandas frame") as caught:
            rig.insert_dataframe(wrong)
        assert isinstance(caught.value, DataJointError)
    rig.insert_dataframe(pd.DataFrame({"rig": [9]}))
    for act in (
        lambda: rig.delete(part_integrity="wrong", prompt=False),
        lambda: setattr(config, "loglevel", "wrong"),
    ):
        with pytest.raises(ValueError, match="wrong") as caught:
            act()
        assert isinstance(caught.value, DataJointError)


@pytest.mark.statement("CFG-15", "TAB-14")
def test_a_free_table_without_connection(rig, instance, monkeypatch):
    monkeypatch.setenv("DJ_THREAD_SAFE", "true")
    with pytest.raises(ThreadSafetyError):
        dj.FreeTable("a.b")
    assert dj.FreeTable(rig.connection, str(rig.name)).is_declared


@pytest.mark.statement("DEL-4")
def test_a_refused_delete_of_a_part_names_what_to_pass(declare):
    master = declare("Scan", "scan : int32", Cell=declare.part("Cell", "-> master\ncell : int32"))
    for act in (master.Cell.delete, (master.Cell & "cell = 1").delete):
        with pytest.raises(DataJointError, match="part_integrity='ignore'") as caught:
            act(prompt=False)
        assert "'cascade'" in str(caught.value)


@pytest.mark.statement("CFG-1", "CFG-6")
def test_a_file_that_is_loaded_overrides_what_was_assigned(tmp_path, monkeypatch):
    monkeypatch.setenv("DJ_SAFEMODE", "false")
    from datajoint.settings.config import load_config

    config = load_config({"DJ_SAFEMODE": "false", "DJ_IGNORE_CONFIG_FILE": "true"})
    config.display.limit = 7
    config.display.width = 8
    config.safemode = True
    config["custom.rig"] = 1
    config.stores["main"] = {"protocol": "file", "location": "/old"}
    path = tmp_path / "other.json"
    given = {
        "display.limit": 3, "safemode": True, "custom": {"rig": 2},
        "stores": {"main": {"protocol": "file", "location": "/new"}},
    }  # fmt: skip
    path.write_text(json.dumps(given))
    config.load(path)
    assert (3, 8, False, 2) == (
        config.display.limit,
        config.display.width,
        config.safemode,
        config["custom.rig"],
    )
    assert "/new" == config.stores["main"]["location"]
    config.display.limit = 5
    assert 5 == config.display.limit

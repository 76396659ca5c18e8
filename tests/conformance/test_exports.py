"""Where rows come from, in the forms of others, read by their own tools (PRV-8)."""

import json

import pytest

import datajoint as dj
from datajoint.errors import DataJointError


@pytest.fixture
def fit(schema):
    class Subject(dj.Manual):
        definition = """
        subject : varchar(12)
        ---
        born=null : date
        """

    class Method(dj.Lookup):
        definition = "method : varchar(8)"
        contents = ({"method": "a"}, {"method": "b/ü"})

    class Fit(dj.Computed):
        definition = """
        -> Subject
        ---
        -> Method
        """

        def make(self, key):
            (Subject() & key).fetch1()
            self.insert1({**key, "method": "b/ü"})

    schema(Subject), schema(Method)
    fit = schema(Fit, context={"Subject": Subject, "Method": Method})
    Subject.insert([{"subject": "x y", "born": "2024-01-31"}, {"subject": "other"}])
    fit.populate()
    return fit


@pytest.mark.statement("PRV-8")
def test_w3c_prov_is_read_by_its_library(fit, tmp_path):
    from prov.model import ProvDocument

    told = (fit & {"subject": "x y"}).export_lineage("prov", tmp_path / "prov.json")
    document = ProvDocument.deserialize(str(tmp_path / "prov.json"))

    kinds = [type(record).__name__ for record in document.get_records()]
    assert 4 == kinds.count("ProvEntity")  # subject, method, fit and the code
    assert {
        "ProvActivity",
        "ProvAgent",
        "ProvGeneration",
        "ProvUsage",
        "ProvDerivation",
        "ProvAssociation",
    } <= set(kinds)
    assert 2 == kinds.count("ProvDerivation")
    assert 2 == kinds.count("ProvUsage")
    makes = [activity for activity in told["activity"].values() if activity["dj:kind"] == "make"]
    assert 1 == len(makes)
    assert makes[0]["prov:startTime"].endswith("+00:00")
    assert "other" not in json.dumps(told)


@pytest.mark.statement("PRV-8")
def test_a_research_object_is_read_by_its_library(fit, tmp_path):
    from rocrate.rocrate import ROCrate

    fit.export_lineage("ro-crate", tmp_path / "ro-crate-metadata.json")
    crate = ROCrate(tmp_path)

    actions = [entity for entity in crate.get_entities() if entity.type == "CreateAction"]
    makes = [action for action in actions if action["name"].startswith("make")]
    assert 2 == len(makes)
    assert all(action["agent"].type == "Person" for action in actions)
    assert all(2 == len(action["object"]) for action in makes)
    assert all(action["instrument"].type == "SoftwareApplication" for action in makes)


@pytest.mark.statement("PRV-8")
def test_openlineage_events(fit, schema):
    told = fit.export_lineage("openlineage")

    makes = [event for event in told if event["job"]["name"].startswith("make.")]
    assert 2 == len(makes)
    for event in makes:
        assert {f"{schema.database}.{fit.table_name}"} == {output["name"] for output in event["outputs"]}
        assert 2 == len(event["inputs"])
        assert {"eventType", "eventTime", "producer", "schemaURL", "run", "job"} <= set(event)
    assert len({event["run"]["runId"] for event in told}) == len(told)
    assert told == fit.export_lineage("openlineage")


@pytest.mark.statement("PRV-8")
def test_a_form_that_is_none(fit):
    with pytest.raises(DataJointError, match=r"'provo' is no form of provenance"):
        fit.export_lineage("provo")

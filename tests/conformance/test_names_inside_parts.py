"""Which table a name inside the definition of a part means (walls of existing pipelines, 1)."""

import pytest

import datajoint as dj
from datajoint.errors import ForeignKeyTargetError

pytestmark = pytest.mark.statement("FK-2", "TAB-9", "TAB-10")


def test_a_bare_name_means_the_table_of_the_scope_not_the_part_beside_it(schema, schema_name, instance):
    other = instance.Schema(schema_name("other"))

    @schema
    class Probe(dj.Manual):
        definition = "probe : int32"

    @schema
    class Organization(dj.Manual):
        definition = "organization : int32"

    @other
    class Device(dj.Manual):
        definition = "device : int32"

    @schema
    class Ephys(dj.Manual):
        definition = "ephys : int32"

        class Probe(dj.Part):
            definition = "-> master\nown_probe : int32"

        class Channel(dj.Part):
            definition = "-> master\n-> Probe\nchannel : int32"

        class Site(dj.Part):
            definition = (
                "-> Ephys\n-> Ephys.Probe\n---\n-> [nullable] master.Probe.proj(e='ephys', p='own_probe')"
            )

        class Organization(dj.Part):
            definition = (
                "-> master\n-> Organization\n---\n-> [nullable] Organization.proj(paid_by='organization')"
            )

        class Device(dj.Part):
            definition = "-> Master\n-> Device".replace("Master", "Ephys")

    def parents(part):
        return part.parents()

    assert ["ephys", "probe", "channel"] == Ephys.Channel.primary_key
    assert {Ephys.full_table_name, Probe.full_table_name} == set(parents(Ephys.Channel))
    assert ["ephys", "own_probe"] == Ephys.Site.primary_key
    assert {Ephys.full_table_name, Ephys.Probe.full_table_name} == set(parents(Ephys.Site))
    assert ["ephys", "organization"] == Ephys.Organization.primary_key
    assert {Ephys.full_table_name, Organization.full_table_name} == set(parents(Ephys.Organization))
    assert {Ephys.full_table_name, Device.full_table_name} == set(parents(Ephys.Device))
    assert "-> Ephys.Probe" in Ephys.Site.describe()
    assert "-> Organization" in Ephys.Organization.describe()

    again = {"Ephys": Ephys, "Probe": Probe, "Organization": Organization, "Device": Device}
    schema(Ephys, context=again)  # warnings are errors: nothing differs
    assert ["ephys", "probe", "channel"] == Ephys.Channel.primary_key


def test_a_context_or_added_objects_stand_for_the_scope(instance, schema_name):
    first = instance.Schema(schema_name())

    @first
    class Person(dj.Lookup):
        definition = "person : varchar(8)"

    class Study(dj.Manual):
        definition = "study : int32"

        class User(dj.Part):
            definition = "-> master\n-> User"

        class Note(dj.Part):
            definition = "-> master\n-> User\nnote : int32"

    for give in ({"context": {"User": Person}}, {"add_objects": {"User": Person}}):
        later = instance.Schema(**give)
        study = later(type(dj.Manual)("Study", (dj.Manual,), dict(vars(Study))))
        later.activate(schema_name("later"))
        assert ["study", "person"] == study.User.primary_key
        assert ["study", "person", "note"] == study.Note.primary_key
        assert Person.full_table_name in study.Note.parents()


def test_a_table_of_the_schema_comes_before_the_part_beside_it(declare):
    declare("Probe", "probe : int32")
    part = declare.part
    master = declare(
        "Ephys", "ephys : int32", Probe=part("Probe", "-> master\n-> Probe"),
        Channel=part("Channel", "-> master\n-> Probe\nchannel : int32"),
    )  # fmt: skip
    assert ["ephys", "probe"] == master.Probe.primary_key
    assert [declare.known["Probe"].full_table_name] == [
        name for name in master.Channel.parents() if name != master.full_table_name
    ]

    declare.known.clear()  # classes defined elsewhere: their tables are found by name
    again = declare(
        "Ephys", "ephys : int32", Probe=part("Probe", "-> master\n-> Probe"),
        Channel=part("Channel", "-> master\n-> Probe\nchannel : int32"),
    )  # fmt: skip
    assert master.Channel.parents() == again.Channel.parents()


def test_a_bare_part_serves_where_nothing_else_has_its_name(declare):
    part = declare.part
    members = {
        "Shank": part("Shank", "-> master\nshank : int32"),
        "Site": part("Site", "-> Shank\nsite : int32\n---\n-> [nullable] Site.proj(e='ephys', s='shank', up='site')"),
    }  # fmt: skip
    master = declare("Ephys", "ephys : int32", **members)
    assert ["ephys", "shank", "site"] == master.Site.primary_key
    assert {master.Shank.full_table_name, master.Site.full_table_name} == set(master.Site.parents())

    with pytest.raises(ForeignKeyTargetError, match="itself"):
        declare("Other", "other : int32", Alone=part("Alone", "-> master\n-> Alone"))
    with pytest.raises(ForeignKeyTargetError, match="Nowhere"):
        declare("Other", "other : int32", Alone=part("Alone", "-> master\n-> Nowhere"))
    with pytest.raises(ForeignKeyTargetError, match="not declared yet"):
        declare(
            "Other",
            "other : int32",
            Early=part("Early", "-> Late"),
            Late=part("Late", "-> master\nb : int32"),
        )


def test_the_name_of_the_master_means_the_master_even_inside_its_part_of_that_name(declare):
    declare("Lab", "wrong : int32", scope={})
    declare.known.clear()
    site = declare("Site", "site : int32", Lab=declare.part("Lab", "-> Site\n-> Lab\nn : int32"))
    assert ["site", "wrong", "n"] == site.Lab.primary_key
    same = declare("Rig", "rig : int32", Rig=declare.part("Rig", "-> Rig\nn : int32"))
    assert ["rig", "n"] == same.Rig.primary_key
    assert [same.full_table_name] == same.Rig.parents()

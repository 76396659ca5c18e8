"""`dj plan` and `dj apply`: code against database for a whole pipeline, shown before it is changed."""

import json

import pytest

import datajoint as dj
from datajoint.evolve import apply as applying
from datajoint.evolve.plan import plan

pytestmark = pytest.mark.statement("DEF-27", "ALT-1")

MORE = """

@schema
class Method(dj.Lookup):
    definition = "method : varchar(8)"
    contents = [["fast"], ["slow"]]

@schema
class Choice(dj.Manual):
    definition = "-> Scan\\n-> Method"
    class Note(dj.Part):
        definition = "-> master\\nn : int16"
"""


def edit(shop, *pairs: tuple[str, str], more: str = "") -> None:
    """Change the module of the pipeline, and be a new program."""
    path = shop.folder / "lab.py"
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text + more, encoding="utf-8")
    shop.forget()


SPECIES = ("species : varchar(20)", r"species : varchar(40) # as sold\nsex='u' : varchar(1)")


def test_a_pipeline_that_is_as_its_code_defines_it(shop):
    assert [] == shop.json("plan", "lab")["steps"]
    assert "as their classes define them" in shop.dj("plan", "lab").out
    assert "as their classes define them" in shop.dj("apply", "lab", "--yes").out


def test_changes_are_shown_and_nothing_is_changed(shop):
    edit(shop, SPECIES, more=MORE)

    found = shop.json("plan", "lab", status=2)

    steps = {step["table"].split(".")[1]: step for step in found["steps"]}
    assert ["subject", "#method", "choice", "choice__note"] == list(steps)
    assert ["alter", "create", "create", "create"] == [step["kind"] for step in steps.values()]
    assert ["`species` is varchar(20), defined as varchar(40)",
            "the comment of `species` is '', defined as 'as sold'",
            "`sex` is not in the table"] == steps["subject"]["changes"]  # fmt: skip
    assert (3, "") == (steps["subject"]["rows"], steps["subject"]["problem"])
    assert steps["subject"]["size"] > 0
    shop.forget()
    names = {t.split(".")[-1].strip('`"') for t in dj.Schema(shop.schema).list_tables()}
    assert {"subject", "_scan", "__fit"} == names
    assert "sex" not in dj.FreeTable(dj.conn(), f"{shop.schema}.subject").heading


def test_what_is_shown_is_done(shop):
    edit(shop, SPECIES, more=MORE)
    shop.dj("plan", "lab", "-o", "plan.json", status=2)
    shop.forget()

    said = shop.dj("apply", "plan.json", "--yes").out

    assert said.endswith("Subject: altered\nMethod: declared\nChoice: declared\nChoice.Note: declared\n")
    shop.forget()
    assert [] == shop.json("plan", "lab")["steps"]
    lab = shop.module
    assert [("mouse", "u")] * 3 == [(r["species"], r["sex"]) for r in lab.Subject.to_dicts()]
    assert ["fast", "slow"] == lab.Method.to_arrays("method").tolist()
    assert lab.Choice.Note.is_declared
    shop.forget()
    assert "as their classes define them" in shop.dj("apply", "plan.json", "--yes").out  # a second time


def test_a_plan_is_refused_when_the_code_has_changed(shop):
    edit(shop, SPECIES)
    shop.dj("plan", "lab", "-o", "plan.json", status=2)
    edit(shop, ("varchar(40)", "varchar(41)"))
    said = shop.dj("apply", "plan.json", "--yes", status=1)
    assert "the plan does not hold any more for `Subject`" in said.err
    assert "sex" not in shop.module.Subject.heading


def test_a_plan_is_refused_when_the_table_has_changed(shop):
    edit(shop, SPECIES)
    shop.dj("plan", "lab", "-o", "plan.json", status=2)
    shop.forget()
    with pytest.warns(dj.errors.DataJointWarning, match="differs"):
        lab = shop.module
    lab.Subject.definition = "subject_id : int32\n---\nspecies : varchar(20)\ncage=0 : int16"
    lab.Subject.alter(prompt=False)
    shop.forget()
    said = shop.dj("apply", "plan.json", "--yes", status=1)
    assert "the plan does not hold any more for `Subject`" in said.err


def test_rows_that_would_be_lost_are_seen_before(shop):
    shop.module.Subject.insert1({"subject_id": 9, "species": "a very long name"})
    edit(shop, ("varchar(20)", "varchar(8)"), more=MORE)
    (step,) = [s for s in shop.json("plan", "lab", status=2)["steps"] if s["kind"] == "alter"]
    assert "a very long name" in step["problem"]
    shop.forget()
    assert "1 of 4 changes cannot be carried out" in shop.dj("plan", "lab", status=2).out
    shop.forget()
    said = shop.dj("apply", "lab", "--yes", status=1)
    assert "a very long name" in said.err
    shop.forget()
    assert "#method" not in dj.Schema(shop.schema).list_tables()  # nothing at all was changed


def test_a_plan_that_was_interrupted_goes_on(shop, monkeypatch):
    edit(shop, SPECIES, ("pid : int64", "pid : int64 # of the program"))
    shop.dj("plan", "lab", "-o", "plan.json", status=2)
    shop.forget()
    done = applying.carry_out

    def cut(connection, change):
        if change.found.name.class_name == "Scan":
            raise KeyboardInterrupt
        done(connection, change)

    with monkeypatch.context() as patch:
        patch.setattr(applying, "carry_out", cut)
        shop.dj("apply", "plan.json", "--yes", status=130)
    shop.forget()
    said = shop.dj("apply", "plan.json", "--yes").out
    assert said.endswith("\nScan: altered\n")
    assert "Subject: altered" not in said
    shop.forget()
    assert [] == shop.json("plan", "lab")["steps"]


def test_a_confirmation_is_asked_for(shop):
    edit(shop, SPECIES)
    said = shop.dj("apply", "lab", status=1)
    assert "no answer can be read" in said.err
    assert "--yes" in said.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as a plan"),
        ("[1]", "is not a plan"),
        ('{"format": "datajoint-plan", "version": 2}', "this release reads version 1"),
        ('{"format": "datajoint-plan", "version": 1, "targets": [], "steps": [{}]}', "damaged plan"),
    ],
)
def test_files_that_are_no_plan(shop, text, message):
    (shop.folder / "plan.json").write_text(text, encoding="utf-8")
    assert message in shop.dj("apply", "plan.json", status=1).err


def test_a_schema_without_code_has_no_plan(shop):
    assert "Name the module" in shop.dj("plan", shop.schema, status=1).err


def test_readers_are_named(declare, schema):
    subject = declare("Subject", "subject : int32\n---\nweight : int32")

    def make(self, key):
        self.insert1({**key, "y": (subject & key).fetch1("weight")})

    result = declare("Result", "-> Subject\n---\ny : float64", dj.Computed, make=make)
    subject.insert1({"subject": 1, "weight": 3})
    result.populate()
    subject.definition = "subject : int32\n---\nweight : int64"
    (step,) = plan([subject(), result()]).steps
    assert ("Result",) == step.readers
    assert "int64" in json.dumps(step.wanted)

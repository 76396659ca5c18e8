"""Numbers of stale rows stand where people look: progress, previews, diagrams, `dj status`."""

from types import SimpleNamespace

import pytest

import datajoint as dj

pytestmark = pytest.mark.statement("PRV-7")


@pytest.fixture
def lab(schema):
    """Give `Subject`, `Fit` of each, `Note` of each fit; two fits are stale, and so are their notes."""

    class Subject(dj.Manual):
        definition = "subject : int32\n---\nx : int32"

    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : int32"

        def make(self, key):
            self.insert1({**key, "y": (subject & key).fetch1("x")})

    class Note(dj.Computed):
        definition = "-> Fit\n---\nz : int32"

        def make(self, key):
            self.insert1({**key, "z": (fit & key).fetch1("y")})

    subject = schema(Subject)
    fit = schema(Fit, context={"Subject": subject})
    note = schema(Note, context={"Fit": fit})
    subject.insert({"subject": n, "x": n} for n in (1, 2, 3))
    fit.populate()
    note.populate()
    subject.insert1({"subject": 4, "x": 4})
    subject.update1({"subject": 2, "x": 20})
    subject.update1({"subject": 3, "x": 30})
    return SimpleNamespace(schema=schema, fit=fit)


@pytest.fixture
def fit(lab):
    return lab.fit


def test_progress_of_a_table(fit, capsys):
    found = fit.progress()
    assert (1, 4) == found
    assert found.stale is None
    assert isinstance(found, tuple)
    found = fit.progress(stale=True, display=True)
    assert ((1, 4), 2) == (found, found.stale)
    assert "Fit: 3 of 4 done (75%), 1 to go, 2 stale\n" == capsys.readouterr().out
    assert 1 == fit.progress("subject < 3", stale=True).stale


def test_progress_of_a_schema(lab):
    assert [None, None] == [table.stale for table in lab.schema.progress()]
    assert "stale" not in repr(lab.schema.progress())
    found = lab.schema.progress(stale=True)
    assert {"Fit": 2, "Note": 2} == {table.class_name: table.stale for table in found}
    head, _, *lines = repr(found).splitlines()
    assert "stale" == head.split()[-1]
    assert ["2", "2"] == [line.split()[-1] for line in lines]


def test_a_preview_tells_what_this_process_has_found(fit):
    before = repr(fit()).splitlines()[-1]
    assert " (Total: 3)" == before
    fit.stale()
    assert repr(fit()).splitlines()[-1].startswith(" (Total: 3, 2 stale as of ")
    assert "Total: 3, 2 stale as of " in fit()._repr_html_()
    assert " (Total: 1)" == repr(fit & "subject = 2").splitlines()[-1]
    fit.populate(stale=True)
    assert " (Total: 3)" == repr(fit()).splitlines()[-1]
    fit.stale()
    assert " (Total: 3)" == repr(fit()).splitlines()[-1]


def test_a_preview_of_part_of_a_table_has_no_number(fit):
    (fit & "subject = 2").stale()
    assert " (Total: 3)" == repr(fit()).splitlines()[-1]


def test_diagrams_mark_tables(lab, fit):
    plain = dj.Diagram(lab.schema)
    marked = plain.with_stale()
    assert "stale" not in plain.make_text()
    assert ["■ Subject", "┕━● Fit (2 stale)", "  ┕━● Note (2 stale)"] == marked.make_text().splitlines()[:3]
    assert "\x1b[1;33m (2 stale)\x1b[0m" in marked.make_text(ansi=True)
    assert "flagged" not in plain.make_svg()
    assert 2 == marked.make_svg().count(">2 stale</text>")
    assert 2 == marked.make_svg().count('class="node computed flagged"')
    assert 2 == marked.make_mermaid().count("<br/>2 stale")
    assert "class n1,n2 flagged" in marked.make_mermaid()
    assert 2 == marked.make_dot().count("penwidth=3")
    assert "4 stale" in (marked + fit).collapse().make_text()
    assert "(2 stale)" in (dj.Diagram(fit).with_stale() + 1).make_text()


def test_command_status(shop):
    lab = shop.module
    lab.Scan.populate()
    lab.Fit.populate()
    assert [None] * 3 == [table["stale"] for table in shop.json("status", "lab")[0]["tables"]]
    assert "stale" not in shop.dj("status", "lab").out
    assert [None, 0, 0] == [table["stale"] for table in shop.json("status", "lab", "--stale")[0]["tables"]]
    shop.dj("status", "lab", "--stale", "--check")
    path = shop.folder / "lab.py"
    path.write_text(path.read_text(encoding="utf-8").replace('"y": 1.0', '"y": 2.0'), encoding="utf-8")
    shop.forget()
    out = shop.dj("status", "lab", "--stale", "--check", status=2).out
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert "stale" == lines["table"][-1]
    assert ["·", "3"] == [lines[name][-1] for name in ("Scan", "Fit")]
    assert f"dj stale {shop.schema}:Fit" in out
    assert "● Fit (3 stale)" in shop.dj("diagram", "lab", "--stale").out

"""Rows and names that hold control characters reach no terminal and no page as they are (faults §4)."""

import io
import logging
import re
import warnings

import pytest

import datajoint as dj
from datajoint import errors
from datajoint._printed import cell, escape, printable

EVIL = "\x1b[31mred\x1b]0;title\x07 \x9b2J\r\u202etxt\x7f\b"
SEEN = r"\x1b[31mred\x1b]0;title\x07 \x9b2J\x0d\u202etxt\x7f\x08"
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

LAB = """
import datajoint as dj

schema = dj.Schema({schema!r})
EVIL = {evil!r}

@schema
class Subject(dj.Manual):
    definition = "name : varchar(60)\\n---\\nnote='' : varchar(60)\\nkind=null : char(60)\\ndoc=null : json"

@schema
class Scan(dj.Computed):
    definition = "-> Subject\\n---\\nsaid : varchar(60)"

    def make(self, key):
        if key["name"].startswith("bad"):
            raise ValueError("no scan of " + key["name"])
        self.insert1(dict(key, said=(Subject & key).fetch1("note")))
"""


def clean(text):
    assert not FORBIDDEN.search(text), repr(text)
    return text


@pytest.mark.statement("FET-13")
def test_printable():
    assert SEEN == printable(EVIL)
    assert f"{SEEN} a b" == cell(f"{EVIL}\na\tb")
    assert f"{SEEN}&lt;" == escape(f"{EVIL}<")
    assert r"\ud800é犬👩‍🔬" == printable("\ud800é犬👩‍🔬")
    assert "a\nb\tc" == printable("a\nb\tc")


@pytest.fixture
def evil(shop):
    """The pipeline with escapes in every text, one row that is made and one that fails."""
    (shop.folder / "lab.py").write_text(LAB.format(schema=shop.schema + "2", evil=EVIL), encoding="utf-8")
    shop.forget()
    lab = shop.module
    for name in (EVIL, "bad" + EVIL):
        lab.Subject.insert1({"name": name, "note": EVIL, "kind": EVIL, "doc": {EVIL: EVIL}})
    lab.Scan.populate(reserve_jobs=True, suppress_errors=True)
    yield shop
    lab.schema.drop(prompt=False)


@pytest.mark.statement("FET-13", "FET-14")
def test_previews_and_reports(evil, capsys):
    lab = evil.module
    key = lab.Scan & {"name": EVIL}
    lab.schema.connection.config.display.width = 200
    assert SEEN in clean(repr(lab.Subject()))
    assert SEEN in clean(lab.Subject()._repr_html_())
    assert SEEN in clean(repr(lab.Subject.proj(z=f"concat(note, '{'x'}')")))
    lab.Subject.update1({"name": EVIL, "note": "new" + EVIL})
    for shown in (lab.Scan.stale(), lab.Scan.why(), lab.Scan.lineage(), key.lineage(downstream=True), lab.Scan.verify(),
                  lab.schema.progress(), lab.Scan.jobs, lab.Scan.jobs.errors, dj.Diagram(lab.schema)):  # fmt: skip
        clean(repr(shown))
        clean(str(shown))
        if hasattr(shown, "_repr_html_"):
            clean(shown._repr_html_())
    assert SEEN in repr(lab.Scan.why())
    clean(repr(lab.Subject & {"note": EVIL}))
    clean(repr(dj.Not({"note": EVIL})) + repr(dj.AndList([{"note": EVIL}])) + repr(dj.Top(1, "name")))
    lab.schema.connection.config.safemode = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datajoint.table.prompt._answers", lambda: True)
        patch.setattr("builtins.input", lambda text: clean(text) and "no")
        (lab.Subject & {"name": EVIL}).delete(prompt=True)
        (lab.Subject & {"name": EVIL}).update({"note": EVIL + "2"}, prompt=True)
    shown = capsys.readouterr()
    clean(shown.out + shown.err)


@pytest.mark.statement("CLI-2")
@pytest.mark.parametrize("color", [False, True])
def test_commands(evil, color, monkeypatch):
    """With colours, styles are ours alone."""
    if color:
        monkeypatch.delenv("NO_COLOR")
        monkeypatch.setenv("FORCE_COLOR", "1")
    evil.module.Subject.update1({"name": EVIL, "note": "new" + EVIL})
    for arguments in (
        ["status", "lab"], ["errors", "lab"], ["errors", "lab", "-v"], ["stale", "lab"], ["jobs", "lab:Scan"],
        ["jobs", "lab:Scan", "--all"], ["why", "lab:Scan"], ["lineage", "lab:Scan"], ["verify", "lab:Scan"],
        ["describe", "lab:Scan"], ["diagram", "lab"], ["history", "lab"], ["config"],
        ["errors", "lab", "--json"], ["stale", "lab", "--json"], ["lineage", "lab:Scan", "--json"],
        ["populate", "lab"], ["retry", "lab", "--all"], ["populate", "lab"], ["why", f"lab:{EVIL}"],
        ["stale", "lab:Scan", "--key", f"{EVIL}=1"], ["stale", "lab:Scan", "--key", f"name={EVIL}"],
    ):  # fmt: skip
        said = run(evil, arguments)
        shown = re.sub(r"\x1b\[[0-9;]*m", "", said) if color else said
        clean(shown)
        assert "[31mred" not in shown.replace("1b[31mred", ""), arguments


def run(shop, arguments):
    from contextlib import redirect_stderr, redirect_stdout

    from datajoint.cli.main import run

    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with redirect_stdout(out), redirect_stderr(out):
        run(arguments)
    out.flush()
    return out.buffer.getvalue().decode()


@pytest.mark.statement("ERR-1")
def test_errors_warnings_and_the_log(evil):
    lab = evil.module
    for ask in (
        lambda: lab.Subject.insert1({"name": EVIL}),
        lambda: lab.Subject.insert1({"name": EVIL * 9}),
        lambda: lab.Subject.insert1({"name": "x", EVIL: 1}),
        lambda: lab.Subject.insert1({"name": "x", "doc": {1, EVIL}}),
        lambda: len(lab.Subject & f"note = {EVIL}"),
        lambda: len(lab.Subject & {EVIL: 1}),
        lambda: lab.Subject.proj(EVIL),
        lambda: lab.Subject.update1({"name": EVIL + "?", "note": ""}),
        lambda: lab.Scan.populate({"name": "bad" + EVIL}),
        lambda: (lab.Subject & "false").fetch1(EVIL),
    ):
        with pytest.raises((dj.DataJointError, ValueError)) as caught:
            ask()
        if isinstance(caught.value, dj.DataJointError):
            clean(str(caught.value))
    assert SEEN in str(errors.DataJointError(f"what {EVIL}", hint=EVIL))
    log = logging.getLogger("datajoint")
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    log.addHandler(handler)
    log.error("made %s", EVIL)
    log.removeHandler(handler)
    assert f"made {SEEN}\n" == out.getvalue()
    with warnings.catch_warnings(record=True, action="always") as caught:
        from datajoint.logging import warn

        warn(EVIL)
    assert SEEN == str(caught[0].message)

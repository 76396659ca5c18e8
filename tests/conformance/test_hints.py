"""What newcomers get wrong, and what they are told (newcomer, section 1; the numbers are those of the snags)."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import datajoint as dj
from datajoint.errors import DataJointWarning, QueryError

pytestmark = pytest.mark.statement("ERR-3")


@pytest.fixture
def session(declare):
    return declare(
        "Session", "subject : varchar(8)\nsession : int32\n---\nnote='' : varchar(20)\nj=null : json"
    )


def told(act):
    with pytest.raises(Exception) as caught:
        act()
    return str(caught.value)


USE = "Write Session.to_arrays('note') for its values, Session & {'note': value} to restrict by it."
HABITS = {
    "an item of a class": (lambda t: t["note"], f"`Session['note']` means nothing.\n{USE}"),
    "a row by number": (
        lambda t: t[0],
        "`Session[0]` means nothing: rows have keys, no numbers.\nWrite Session & key, or Session.head(n).",
    ),
    "an attribute of a class": (
        lambda t: t.note,
        f"type object 'Session' has no attribute 'note'; `note` is an attribute of its rows. {USE}",
    ),
    "an attribute of a table": (
        lambda t: t().note,
        f"'Session' object has no attribute 'note'; `note` is an attribute of its rows. {USE}",
    ),
    "an attribute of a query": (
        lambda t: t.proj("note").note,
        "'QueryExpression' object has no attribute 'note'; `note` is an attribute of its rows. "
        + USE.replace("Session", "query"),
    ),
    "a method of others": (
        lambda t: t.fetchone(),
        "type object 'Session' has no attribute 'fetchone'. Did you mean `fetch`?",
    ),
    "nothing at all": (lambda t: t.xyzzy, "type object 'Session' has no attribute 'xyzzy'"),
}  # fmt: skip


@pytest.mark.parametrize(("act", "text"), HABITS.values(), ids=HABITS)
def test_habits_of_frames(session, act, text):
    """10."""
    assert text == told(lambda: act(session))
    assert not hasattr(session, "xyzzy")


def test_text_without_quotes(session):
    """11."""
    error = (
        "The expression has no attribute `m1`. Attributes: subject, session, note, j.\n"
        "Text is quoted: subject = 'm1', or as a dict {'subject': 'm1'}."
    )
    assert error == told(lambda: session & "session > 0 and subject = m1")
    assert "quoted" not in told(lambda: session & "session = one")


def test_a_class_that_has_more_than_its_table(schema, session):
    """23."""
    definition = f"{session.definition}\nemail='' : varchar(20)"
    with pytest.warns(DataJointWarning, match="`email` is not in the table"):
        again = schema(type("Session", (dj.Manual,), {"definition": definition}))
    row = {"subject": "m", "session": 1, "email": "x"}
    for act in (lambda: again.insert1(row), lambda: again.insert([row])):
        error = told(act)
        assert (
            "`Session` has no attribute `email`: its class defines it, the table in the database does not have it (yet)."
            in error
        )
        assert "ignore_extra_fields" not in error
    assert "ignore_extra_fields" in told(lambda: again.insert1({"mail": 1}))


def test_an_unknown_codec(declare):
    """37."""
    error = told(lambda: declare("Trace", "trace : int32\n---\nv : <numpy>"))
    assert "Codec <numpy> is not registered.\nDid you mean `<blob>`? Codecs: <attach>, <blob>" in error
    assert "attribute `v` of `Trace`" in error


def test_a_row_twice_in_what_is_inserted(session):
    """38."""
    rows = [{"subject": "m", "session": n} for n in (1, 2, 1)]
    error = (
        "Duplicate entry in `Session`, row 2: subject='m', session=1 is twice in what is inserted, in rows 0 "
        "and 2, counted from 0."
    )
    assert error == told(lambda: session.insert(rows)).splitlines()[0]
    session.insert(rows[:1])
    error = "Duplicate entry in `Session`, row 0: subject='m', session=1 exists already."
    assert error == told(lambda: session.insert(rows[:1])).splitlines()[0]


def test_what_to_store_instead_of_a_frame(declare, session):
    """39."""
    box = declare("Box", "box : int32\n---\nb : <blob>")
    assert "Give frame.to_dict('list')" in told(
        lambda: box.insert1({"box": 1, "b": pd.DataFrame({"a": [1]})})
    )
    assert "Give series.to_numpy()" in told(lambda: box.insert1({"box": 1, "b": pd.Series([1])}))
    key = {"subject": "m", "session": 1}
    assert "give array.tolist()" in told(lambda: session.insert1({**key, "j": {"a": np.arange(2)}}))
    assert "give frame.to_dict('list')" in told(lambda: session.insert1({**key, "j": pd.DataFrame()}))


def test_no_row_is_told_by_its_conditions(session):
    """41."""
    one = "fetch1 requires exactly one tuple (row) in the input set; 0 tuples found.\n"
    assert f"{one}There is no row at all." == told(session.fetch1)
    assert f"{one}There is no row with session > 5 and `note`='x'." == told(
        (session & "session > 5" & {"note": "x"}).fetch1
    )


def test_another_class_of_the_same_name(schema, session):
    """42."""
    lookup = type("Session", (dj.Lookup,), {"definition": "subject : varchar(8)"})
    error = told(lambda: schema(lookup))
    assert (
        f"Another table of class `Session` is in the schema, `{schema.database}.session`, of tier manual; "
        f"`{schema.database}.#session` would be made beside it." in error
    )
    assert "To have both, set declare.same_name = 'warn'." in error
    assert ["session"] == schema.list_tables()
    with (
        schema.connection.config.override(declare__same_name="warn"),
        pytest.warns(DataJointWarning, match="would be made beside it"),
    ):
        schema(type("Session", (dj.Lookup,), {"definition": "subject : varchar(8)"}))
    assert ["#session", "session"] == sorted(schema.list_tables())
    schema(type("Session", (dj.Lookup,), {"definition": "subject : varchar(8)"}))  # it is there


def test_a_table_without_a_key(schema, caplog):
    """43."""
    schema(type("Alone", (dj.Manual,), {"definition": "---\nx : int32"}))
    assert (
        "`Alone` has no attribute above the line `---`: it has no key and holds one row at most."
        in caplog.text
    )
    caplog.clear()
    schema(type("Alone", (dj.Manual,), {"definition": "---\nx : int32"}))
    assert "Alone" not in caplog.text


def test_the_union_is_written_with_plus(session, declare):
    """54."""
    other = declare("Other", "other : int32")
    for act in (lambda: session | other, lambda: session() | other, lambda: session | other()):
        assert told(act).endswith("The union is A + B.")
        with pytest.raises(QueryError):
            act()
    assert (session | None) == (None | session)  # of types


@pytest.mark.statement("CFG-9")
def test_what_is_in_use_is_shown():
    """45."""
    assert "database.backend = None  # sqlite is used, as no server is configured" in repr(
        dj.Instance().config
    )
    assert "sqlite is used" not in repr(dj.Instance(user="ada", password="x").config)


def test_a_driver_that_cannot_be_imported(tmp_path):
    """46: a file of the user has the name of a module that the driver needs."""
    (tmp_path / "psycopg").mkdir()
    (tmp_path / "psycopg" / "__init__.py").write_text("from copy import nothing_of_that_name")
    code = "import datajoint as dj; dj.Instance('h', 'u', 'p', backend='postgresql').connection"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (
        "The driver of PostgreSQL cannot be imported: cannot import name 'nothing_of_that_name'" in run.stderr
    )
    assert "not installed" not in run.stderr


# ------------------------------------------------------------------------------------------ command line


@pytest.mark.statement("CLI-2")
def test_a_module_that_inserts_when_it_is_imported(shop):
    """9."""
    (shop.folder / "again.py").write_text(
        "import lab\n\n\nlab.Subject.insert1({'subject_id': 1, 'species': 'mouse'})\n"
    )
    said = shop.dj("status", "again", status=1).err
    assert "exists already" in said
    assert "This happened while `again` was imported, line 4." in said
    assert "`if __name__ == '__main__':`" in said


@pytest.mark.statement("CLI-2")
def test_no_module_and_no_database(shop, monkeypatch):
    """19."""
    monkeypatch.setenv("DJ_BACKEND", "sqlite")
    monkeypatch.setenv("DJ_DATABASE_NAME", "nowhere.db")
    shop.forget()
    assert f"There is no module `slow` in {shop.folder.resolve()}" in shop.dj("status", "slow", status=1).err
    assert "Did you mean `lab`?" in shop.dj("status", "lap", status=1).err


@pytest.mark.statement("CLI-2")
def test_what_a_picture_needs(shop, monkeypatch):
    """20."""

    def save(*_):
        raise ImportError("A PNG of a diagram needs the package resvg-py")

    monkeypatch.setattr("datajoint.diagram.diagram.Diagram.save", save)
    said = shop.dj("diagram", "lab", "-o", "x.png", status=1).err
    assert "needs the package resvg-py" in said
    assert "Traceback" not in said


@pytest.mark.statement("CLI-2")
def test_the_module_that_was_named(shop):
    """33."""
    shop.dj("populate", "lab", "-q")
    text = (shop.folder / "lab.py").read_text()
    (shop.folder / "lab.py").write_text(text.replace('"y": 1.0', '"y": 2.0'))
    shop.forget()
    assert "dj populate --stale lab:Fit" in shop.dj("stale", "lab").out


@pytest.mark.statement("CLI-2")
def test_values_of_a_key_are_separated_by_spaces(shop):
    """34."""
    shop.dj("populate", "lab", "-q")
    said = shop.dj("why", "lab:Fit", "subject_id=1,n=2", status=1).err
    assert "Separate the values of several attributes by spaces" in said
    assert "spaces" not in shop.dj("why", "lab:Fit", "subject_id=77", status=1).err


@pytest.mark.statement("CLI-2")
def test_all_definitions(shop):
    """35."""
    out = shop.dj("describe", "lab").out
    assert [True] * 3 == [f"== {name}  {tier} ==" in out for name, tier in TIERS.items()]
    assert list(TIERS.values()) == [table["tier"] for table in shop.json("describe", "lab")]
    assert out == shop.dj("describe", shop.schema).out


TIERS = {"Subject": "manual", "Scan": "imported", "Fit": "computed"}


@pytest.mark.statement("CLI-2")
@pytest.mark.parametrize("how", [["--key", "subjct_id=1"], ["--where", "subjct_id = 'a'"]])
def test_the_nearest_attribute_of_a_key(shop, how):
    """36."""
    assert "Did you mean `subject_id`?" in shop.dj("populate", "lab", *how, status=1).err

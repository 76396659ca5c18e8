"""Errors show the frames of the user: the library leaves its own at its edge (newcomer, snag 6)."""

import copy
import logging
import pickle
import subprocess
import sys
import traceback

import pytest

import datajoint as dj

pytestmark = pytest.mark.statement("ERR-2", "ERR-3")


@pytest.fixture
def lab(schema):
    """Give a table with rows, and one whose make fails in three ways."""

    @schema
    class Subject(dj.Lookup):
        definition = "subject : int32\n---\nname='' : varchar(10)"
        contents = ({"subject": n} for n in range(3))

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject\n---\ny : float64"

        def make(self, key):
            if key["subject"] == 0:
                broken()
            self.insert1({**key, "z": 1})

    def broken():
        return {}[1]

    schema.Subject, schema.Fit = Subject, Fit
    return schema


MISTAKES = {
    "a misspelt name in a text": lambda lab: lab.Subject & "nme = 'm'",
    "a misspelt name in a dict": lambda lab: len(lab.Subject & {"nme": "m"}),
    "a duplicate key": lambda lab: lab.Subject.insert1({"subject": 1}),
    "a wrong type": lambda lab: lab.Subject.insert1({"subject": "one"}),
    "a row for a table that refers": lambda lab: lab.Fit.insert1({"subject": 9, "y": 1}, allow_direct_insert=True),
    "more than one row": lambda lab: lab.Subject.fetch1(),
    "a division by zero while rows are read": lambda lab: list(lab.Subject.proj(x="log(subject - 5)", y="nme")),
    "a statement of the user": lambda lab: lab.connection.query("SELECT nix FROM nowhere"),
    "a table that is not there": lambda lab: lab["Nix"],
    "a missing argument": lambda lab: lab.Subject.insert1(),
    "a definition that cannot be read": lambda lab: lab(type("Bad", (dj.Manual,), {"definition": "a ; int32"})),
    "no operand": lambda lab: lab.Subject * 3,
    "an unknown setting": lambda lab: lab.connection.config["nix"],
}  # fmt: skip


def caught(act, *arguments):
    with pytest.raises(Exception) as info:
        act(*arguments)
    return info.value


def frames(error):
    """Return the files of all frames that Python shows for an error."""
    text = "".join(traceback.format_exception(error))
    return [line.split('"')[1] for line in text.splitlines() if line.startswith('  File "')]


def ours(error):
    return [file for file in frames(error) if __file__ != file and "_pytest" not in file]


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_shows_no_frame_of_the_library(lab, mistake):
    error = caught(mistake, lab)
    assert [] == ours(error)
    assert __file__ == traceback.extract_tb(error.__traceback__)[-1].filename  # where pdb.pm() begins
    assert "datajoint" in str(error.full_traceback)


def test_an_error_in_make_shows_the_frames_of_make(lab):
    error = caught(lab.Fit.populate)
    assert [] == ours(error)
    assert ["make", "broken"] == [frame.name for frame in traceback.extract_tb(error.__traceback__)][-2:]
    whole = [frame.name for frame in traceback.extract_tb(error.full_traceback.frames)]
    assert ["make", "broken"] == whole[-2:]
    assert len(whole) > 6


def test_an_error_of_the_library_in_make_shows_where_make_called_it(lab):
    error = caught(lab.Fit.populate, {"subject": 1})
    assert [] == ours(error)
    assert "make" == traceback.extract_tb(error.__traceback__)[-1].name
    names = [frame.name for frame in traceback.extract_tb(error.full_traceback.frames)]
    assert names.index("make") < names.index("insert1")


def test_the_cause_and_the_context_stay(lab):
    def insert():
        try:
            lab.Subject.insert1({"subject": 1})
        except dj.DataJointError as error:
            raise LookupError("not new") from error

    error = caught(insert)
    assert isinstance(error.__cause__, dj.errors.DuplicateError)
    assert [] == ours(error)
    assert ["insert"] == [frame.name for frame in traceback.extract_tb(error.__cause__.__traceback__)]


def test_errors_with_their_stack_are_pickled_and_copied(lab):
    for error in caught(lab.Fit.populate), caught(lab.Subject.fetch1):
        assert str(error) == str(pickle.loads(pickle.dumps(error)))
        assert str(error) == str(copy.copy(error))
    assert "in make" in pickle.loads(pickle.dumps(caught(lab.Fit.populate))).full_traceback


def test_a_fault_of_the_library_is_shown_whole(lab, monkeypatch):
    monkeypatch.setattr("datajoint.query.fetch.first_row", None)
    error = caught(lab.Subject.fetch1)
    assert any("rows.py" in file for file in frames(error))


def test_the_whole_stack_is_logged_for_debugging(lab, caplog):
    caplog.set_level(logging.DEBUG, "datajoint")
    caught(lab.Subject.fetch1)
    (record,) = [one for one in caplog.records if "left the library" in one.getMessage()]
    assert "query/fetch.py" in record.getMessage().replace("\\", "/")


def test_the_setting_shows_all_frames(lab):
    with dj.config.override(display__tracebacks="full"):
        error = caught(lab.Subject.fetch1)
    assert [] != ours(error)


def test_rows_that_cannot_be_read_while_iterating(lab):
    def loop():
        for _ in lab.Subject:
            lab.connection.query("DROP TABLE nowhere")

    assert [] == ours(caught(loop))


def test_the_way_to_make_is_as_long_as_before(lab, schema):
    """Only the first call is wrapped: between `populate` and `make` are no frames of the edge."""
    depths = []

    @schema
    class Deep(dj.Computed):
        definition = "-> Subject"

        def make(self, key):
            names = [frame.filename for frame in traceback.extract_stack()]
            depths.append(sum(name.endswith("_edge.py") for name in names))
            self.insert1(key)

    Deep.populate()
    assert [1, 1, 1] == depths


PROGRAM = """
import datajoint as dj
dj.config.update(database__backend="sqlite", database__name=":memory:")
schema = dj.Schema("lab")

@schema
class Subject(dj.Manual):
    definition = "subject : int32"

def ask():
    return Subject & "sbject = 1"
"""


def run(program, tmp_path, *command, text=None, **variables):
    (tmp_path / "program.py").write_text(PROGRAM + program)
    run = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, input=text, capture_output=True, text=True, check=False,
        env={"DJ_IGNORE_CONFIG_FILE": "true", "PATH": "", "HOME": str(tmp_path), **variables},
    )  # fmt: skip
    return run.stdout + run.stderr


def test_a_program_ends_with_two_frames_of_its_own(tmp_path):
    said = run("ask()", tmp_path, "program.py")
    assert 2 == said.count("  File ") == said.count("program.py")
    assert "has no attribute `sbject`" in said


def test_a_variable_shows_all_frames(tmp_path):
    said = run("ask()", tmp_path, "program.py", DJ_DISPLAY_TRACEBACKS="full")
    assert "expression.py" in said


def test_the_debugger_lands_in_the_line_of_the_user(tmp_path):
    said = run("", tmp_path, "-m", "pdb", "-c", "continue", "program.py", text="where\n")
    said = run(
        "ask()", tmp_path, "-m", "pdb", "-c", "continue", "program.py", text="p __name__, 'here'\nquit\n"
    )
    assert 'return Subject & "sbject = 1"' in said
    assert "('__main__', 'here')" in said


@pytest.mark.parametrize("mode", ["Context", "Verbose", "Plain"])
def test_a_notebook_shows_the_cell(tmp_path, mode):
    pytest.importorskip("IPython")
    shell = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
shell.run_line_magic("xmode", "{mode}")
shell.run_cell("from program import ask, Subject")
shell.run_cell("ask()")
"""
    (tmp_path / "shell.py").write_text(shell)
    said = run("", tmp_path, "shell.py")
    assert "has no attribute `sbject`" in said
    assert "expression.py" not in said
    assert said.count("\n") < 60

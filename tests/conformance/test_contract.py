"""The contract of a make: strict tables refuse what would make a result hard to trace (POP-25)."""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import ContractError, DataJointError, DataJointWarning


@pytest.fixture
def lab(schema):
    """Tables of a small lab, and what makes a computed table of a make."""

    class Subject(dj.Manual):
        definition = """
        subject : int32
        ---
        weight=1 : float64
        """

    class Session(dj.Manual):
        definition = """
        -> Subject
        session : int32
        """

        class Trial(dj.Part):
            definition = """
            -> master
            trial : int32
            """

    class Setting(dj.Manual):
        definition = """
        setting : int32
        ---
        gain=2 : float64
        """

    class Log(dj.Manual):
        definition = "line : int32"

    class Lab:
        def __init__(self):
            self.subject, self.session = schema(Subject), schema(Session, context={"Subject": Subject})
            self.setting, self.log = schema(Setting), schema(Log)

        def fit(self, body, mode="error"):
            class Fit(dj.Computed):
                definition = """
                -> Session
                ---
                x : float64
                """
                contract = mode

                def make(self, key):
                    value = body(self, key)
                    self.insert1({**key, "x": value or 0})

            return schema(Fit, context={"Session": Session})

    lab = Lab()
    lab.subject.insert([{"subject": n} for n in range(3)])
    lab.session.insert([{"subject": n, "session": k} for n in range(3) for k in range(2)])
    lab.session.Trial.insert([{"subject": n, "session": 0, "trial": k} for n in range(3) for k in range(4)])
    lab.setting.insert([{"setting": n} for n in range(2)])
    return lab


def keeping(lab):
    """Bodies that keep the contract."""
    return {
        "the parent at the key": lambda self, key: len(lab.session & key),
        "an ancestor at the key": lambda self, key: (lab.subject & key).fetch1("weight"),
        "parts of an ancestor": lambda self, key: len((lab.session.Trial & key).to_dicts()),
        "a join": lambda self, key: len(((lab.subject * lab.session) & key).to_dicts()),
        "upstream": lambda self, key: self.upstream[lab.subject].fetch1("weight"),
        "itself": lambda self, key: len(self & key),
        "nothing": lambda self, key: 1,
    }


def breaking(lab):
    """Bodies that break it, and what is said."""
    dialect = lab.subject.connection.dialect
    table = dialect.table(lab.subject().name)
    return {
        "a table beside": (lambda self, key: len(lab.setting()), "it reads `Setting`, which it does not derive from"),
        "all of the parent": (lambda self, key: len(lab.session.to_dicts()), "rows of `Session` that its key does not"),
        "another subject": (
            lambda self, key: len((lab.subject & {"subject": (key["subject"] + 1) % 3}).to_dicts()),
            "rows of `Subject` that its key does not derive from",
        ),
        "a condition by a table beside": (
            lambda self, key: len((lab.session & key & lab.setting).to_dicts()), "it reads `Setting`",
        ),
        "writing elsewhere": (lambda self, key: lab.log.insert1({"line": key["subject"] * 9 + key["session"]}), "it writes to `Log`"),
        "SQL": (lambda self, key: len(self.connection.query(f"SELECT * FROM {table}").fetchall()), "SQL of its own"),
    }  # fmt: skip


@pytest.mark.statement("POP-25")
@pytest.mark.parametrize("case", ["the parent at the key", "an ancestor at the key", "parts of an ancestor",
                                  "a join", "upstream", "itself", "nothing"])  # fmt: skip
def test_what_keeps_the_contract(lab, case):
    fit = lab.fit(keeping(lab)[case])

    assert {"success_count": 6, "error_list": []} == fit.populate()


@pytest.mark.statement("POP-25")
@pytest.mark.parametrize("case", ["a table beside", "all of the parent", "another subject",
                                  "a condition by a table beside", "writing elsewhere", "SQL"])  # fmt: skip
def test_what_breaks_the_contract(lab, case):
    body, said = breaking(lab)[case]
    fit = lab.fit(body)

    with pytest.raises(ContractError, match=r"make of `Fit` for the key .* breaks its contract") as caught:
        fit.populate(max_calls=1)

    assert said in str(caught.value)
    assert not fit()
    assert not lab.log()


@pytest.mark.statement("POP-25")
def test_warnings_only(lab):
    fit = lab.fit(lambda self, key: len(lab.setting()), "warn")
    with pytest.warns(DataJointWarning, match="it reads `Setting`"):
        fit.populate(max_calls=1)
    assert 1 == len(fit())


@pytest.mark.statement("POP-25")
def test_the_setting_holds_for_all_tables(lab, instance):
    fit = lab.fit(lambda self, key: len(lab.setting()), None)
    with instance.config.override(provenance__contract="error"), pytest.raises(ContractError):
        fit.populate(max_calls=1)
    fit.populate(max_calls=1)
    assert 1 == len(fit())


@pytest.mark.statement("POP-25")
def test_a_contract_that_is_none(lab):
    fit = lab.fit(lambda self, key: 1, "strict")
    with pytest.raises(DataJointError, match=r"contract of `Fit` is 'strict'.*\s.*off, warn, error"):
        fit.populate(max_calls=1)


@pytest.mark.statement("POP-25")
def test_reads_that_are_not_recorded_cannot_be_checked(lab, instance):
    fit = lab.fit(lambda self, key: 1)
    off = instance.config.override(provenance__events=False)
    with off, pytest.raises(ContractError, match=r"provenance\.events is off"):
        fit.populate(max_calls=1)


# ------------------------------------------------------------------------------------ outside the database


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A file that belongs to nobody, and a folder for what is temporary."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    file = tmp_path / "elsewhere.csv"
    file.write_text("3")
    return file


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def impure(outside, port):
    """Bodies that depend on something else, and what is said."""

    def clock(self, key):
        return time.time() * 0

    def environment(self, key):
        return len(os.environ["PATH"]) * 0

    def shared(self, key):
        return random.random() * 0

    def hidden(self, key):
        return sys.modules["ran" + "dom"].random() * 0

    def file(self, key):
        return float(outside.read_text()) * 0

    def connection(self, key):
        socket.create_connection(("127.0.0.1", port)).close()

    def program(self, key):
        subprocess.run([sys.executable, "-c", ""], check=True)

    return {
        "clock": (clock, r"it reads the clock \(`time\.time` in "),
        "environment": (environment, r"it reads environment variables \(`os\.environ` in "),
        "shared": (shared, r"it draws random numbers without a seed \(`random\.random` in "),
        "hidden": (hidden, r"it draws from the generator of `random` that all share, without a seed"),
        "file": (file, r"it opens the file `.*elsewhere\.csv`, outside its project and stores"),
        "connection": (connection, r"it connects to 127\.0\.0\.1:\d+"),
        "program": (program, r"it runs a program \(`.*python.*`\), whose reads are not seen"),
    }


IMPURE = ["clock", "environment", "shared", "hidden", "file", "connection", "program"]


@pytest.mark.statement("POP-25")
@pytest.mark.parametrize("case", IMPURE)
def test_what_is_taken_from_elsewhere(lab, instance, outside, port, case):
    body, said = impure(outside, port)[case]
    fit = lab.fit(body)
    assert 1 == fit.populate(max_calls=1)["success_count"]
    with instance.config.override(provenance__audit=True), pytest.raises(ContractError, match=said):
        fit.populate(max_calls=1)
    assert 1 == len(fit())


@pytest.mark.statement("POP-25")
def test_a_class_may_want_it_and_be_warned(lab, outside, port):
    fit = lab.fit(impure(outside, port)["file"][0], "warn")
    fit.audit = True
    with pytest.warns(DataJointWarning, match=r"elsewhere\.csv"):
        fit.populate(max_calls=1)
    fit.audit = False
    fit.populate(max_calls=1)
    assert 2 == len(fit())


@pytest.mark.statement("POP-25")
def test_where_no_contract_is_kept_nothing_is_watched(lab, instance, outside, port):
    fit = lab.fit(impure(outside, port)["clock"][0], "off")
    with instance.config.override(provenance__audit=True):
        assert 1 == fit.populate(max_calls=1)["success_count"]


@pytest.mark.statement("POP-25")
def test_what_a_make_may_use(lab, instance, outside, tmp_path, monkeypatch):
    own = Path(__file__).with_name("statements.csv")
    (tmp_path / "this_or_that.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))

    def body(self, key):
        with tempfile.TemporaryFile() as scratch:
            scratch.write(b"1")
        import this_or_that  # noqa: F401 - reads a file

        rng = np.random.default_rng(key["subject"])
        return len(own.read_bytes()) + rng.normal() + len((lab.session & key).to_dicts())

    fit = lab.fit(body)
    with instance.config.override(provenance__audit=True):
        assert 6 == fit.populate()["success_count"]


@pytest.mark.statement("POP-25")
def test_imported_tables_are_there_for_what_is_outside(lab, schema, outside):
    class Raw(dj.Imported):
        definition = "-> Session\n---\nx : float64"
        contract = "error"
        audit = True

        def make(self, key):
            self.insert1({**key, "x": float(outside.read_text())})

    raw = schema(Raw, context={"Session": lab.session})
    assert 6 == raw.populate()["success_count"]

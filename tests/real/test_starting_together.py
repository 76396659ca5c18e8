"""Several processes that declare the same schema and tables at the same moment: DEF-19, SCH-1."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import datajoint as dj

PROCESSES = 4

SCRIPT = """
import sys, time, datajoint as dj
settings, name, folder, number = {settings!r}, {name!r}, {folder!r}, sys.argv[1]
instance = dj.Instance(**settings, safemode=False)
instance.connection
import pathlib
pathlib.Path(folder, number).touch()
while len(list(pathlib.Path(folder).iterdir())) < {processes}:
    time.sleep(0.001)
schema = instance.Schema(name)

@schema
class Species(dj.Lookup):
    definition = "species : varchar(20)"
    contents = [["mouse"], ["rat"], ["it's"]]

@schema
class Subject(dj.Manual):
    definition = '''
    # animals
    subject : int32
    ---
    -> Species
    kind = 'a' : enum('a', 'b')
    index (kind)
    '''

@schema
class Session(dj.Computed):
    definition = '''
    -> Subject
    ---
    n : int32
    '''
    class Trial(dj.Part):
        definition = '''
        -> master
        trial : int16
        '''
    def make(self, key):
        self.insert1(dict(key, n=1))
        self.Trial.insert1(dict(key, trial=1))

Subject.insert1(dict(subject=int(number), species="mouse"))
Session.populate(dict(subject=int(number)))
assert 1 == len(Session.Trial & dict(subject=int(number)))
print(len(Species()))
"""


@pytest.mark.statement("DEF-19", "SCH-1", "TAB-6", "DEF-27")
def test_all_start_and_there_is_one_table(
    backend: Any, schema_name: Any, connect: Any, tmp_path: Path
) -> None:
    name = schema_name()
    folder = tmp_path / "ready"
    folder.mkdir()
    settings = dict(backend.settings)
    if backend.name == "sqlite":
        settings["database__name"] = str(tmp_path / "test.db")
    script = SCRIPT.format(settings=settings, name=name, folder=str(folder), processes=PROCESSES)
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, str(n)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for n in range(PROCESSES)
    ]  # fmt: skip
    done = [(*process.communicate(timeout=300), process.returncode) for process in started]
    assert [("3\n", 0)] * PROCESSES == [(output, code) for output, _, code in done], [
        text for _, text, _ in done
    ]
    module = connect().virtual_schema(name)
    assert {"#species", "subject", "__session", "__session__trial"} == set(module.schema.list_tables())
    assert list(range(PROCESSES)) == sorted(int(n) for n in module.Subject.to_arrays("subject"))
    assert PROCESSES == len(module.Session()) == len(module.Session.Trial())
    assert 3 == len(module.Species())
    lineage = module.schema.lineage
    assert f"{name}.subject.subject" == lineage[f"{name}.__session.subject"]
    assert ["index (kind)"] == [
        line.strip() for line in module.Subject.describe().splitlines() if "index" in line
    ]
    assert isinstance(module.Subject(), dj.Manual)

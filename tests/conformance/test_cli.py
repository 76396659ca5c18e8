"""The command line: what it says and what it does, on every backend, as a program of its own."""

import importlib
import json
import signal
import subprocess
import time

import pytest

from datajoint.jobs.reserve import Reservations

pytestmark = pytest.mark.statement("CLI-2")


@pytest.fixture
def broken(shop, monkeypatch):
    """The pipeline with two errors of one kind in `Scan`."""
    monkeypatch.setenv("BROKEN", "1")
    for table in (shop.module.Scan, shop.module.Fit):
        table.populate(reserve_jobs=True, suppress_errors=True)
    return shop


def tables(shown):
    [pipeline] = shown
    return {table["table"]: table for table in pipeline["tables"]}


@pytest.mark.parametrize("target", [["lab"], ["--schema"]], ids=["module", "schema"])
def test_status_counts(broken, target):
    target = target if target == ["lab"] else [*target, broken.schema]
    found = tables(broken.json("status", *target))
    assert ["Subject", "Scan", "Fit"] == list(found)
    assert (3, None, None) == tuple(found["Subject"][name] for name in ("rows", "done", "total"))
    assert (1, 3, 2, 2) == tuple(found["Scan"][name] for name in ("done", "total", "remaining", "errors"))
    assert (1, 1, 0, 0) == tuple(found["Fit"][name] for name in ("done", "total", "remaining", "errors"))


def test_status_is_a_table(broken):
    out = broken.dj("status", "lab").out
    title, _, head, subject, scan, fit, *_ = out.splitlines()
    assert title.startswith(broken.schema)
    assert ["table", "rows", "done", "left", "running", "failed", "ignored"] == head.split()
    assert ["Subject", "3"] == subject.split()
    assert ["Scan", "1", "1/3", "████░░░░░░░░", "2", "·", "2", "·"] == scan.split()
    assert ["Fit", "1", "1/1", "████████████", "·", "·", "·", "·"] == fit.split()
    assert f"dj errors {broken.schema}:Scan" in out
    assert "\x1b" not in out


def test_status_of_one_table(broken):
    assert ["Scan"] == list(tables(broken.json("status", "lab:Scan")))


def test_status_tells_scripts_what_is_left(broken):
    broken.dj("status", "lab", "--check", status=2)
    broken.dj("status", "lab:Fit", "--check")


def test_colours_are_for_terminals_and_those_who_ask(broken, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in broken.dj("status", "lab").out
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[31m" in broken.dj("status", "lab").out


def test_status_shows_who_is_at_work(shop):
    jobs = shop.module.Scan.jobs
    jobs.refresh()
    held = Reservations(jobs, None, None, None)
    try:
        next(held.tasks())
        [pipeline] = shop.json("status", "lab")
    finally:
        held.close()
    [worker] = pipeline["workers"]
    assert (True, ["_scan"]) == (worker["alive"], worker["tables"])
    assert 1 == tables([pipeline])["Scan"]["reserved"]
    assert [] == shop.json("status", "lab")[0]["workers"]


def test_errors_of_one_kind_are_shown_once(broken):
    [failure] = broken.json("errors", "Scan", "--schema", broken.schema)
    assert (2, f"{broken.schema}._scan") == (failure["count"], failure["table"])
    assert failure["message"].startswith("FileNotFoundError: no file scan_")
    assert failure["key"]["subject_id"] in (2, 3)
    assert [failure] == broken.json("errors", "lab")


def test_errors_say_where_and_what_next(broken):
    out = broken.dj("errors", "-v", "lab:Scan", "--key", "subject_id=2").out
    assert "Scan  once" in out
    assert "for example subject_id=2" in out
    assert "lab.py" in out
    assert "FileNotFoundError: no file scan_2.tif" in out
    assert "looking for 2" in out
    assert "make/make.py" not in out
    assert f"dj retry {broken.schema}:Scan --all" in out


def test_no_errors(shop):
    assert "no errors\n" == shop.dj("errors", "lab").out


def test_retry_lets_jobs_be_made_again(broken, monkeypatch):
    assert "1 job of Scan pending again\n" == broken.dj("retry", "lab:Scan", "--key", "subject_id=2").out
    assert {"pending": 1, "error": 1} == {
        s: n for s, n in broken.json("jobs", "lab:Scan")["counts"].items() if n and s != "total"
    }
    assert {"table": f"{broken.schema}._scan", "pending": 1} == broken.json("retry", "lab:Scan", "--all")
    monkeypatch.delenv("BROKEN")
    assert 2 == broken.module.Scan.populate(reserve_jobs=True, refresh=False)["success_count"]
    assert [] == broken.json("errors", "lab")


def test_retry_leaves_alone_what_has_not_failed(broken):
    broken.module.Scan.jobs.ignore({"subject_id": 3})
    assert "1 job of Scan pending again\n" == broken.dj("retry", "lab:Scan", "--all").out
    assert "0 jobs of Scan pending again\n" == broken.dj("retry", "lab:Scan", "--all").out
    assert 1 == broken.json("jobs", "lab:Scan")["counts"]["ignore"]


def test_jobs_lists_the_queue(broken):
    found = broken.json("jobs", "lab:Scan")
    assert (2, 2) == (found["counts"]["error"], found["counts"]["total"])
    assert [2, 3] == sorted(job["subject_id"] for job in found["jobs"])
    out = broken.dj("jobs", "lab:Scan", "--limit", "1", "--status", "error").out
    assert "2 error" in out
    assert "no file scan_" in out
    assert "… and 1 more" in out


def test_jobs_of_a_table_without_a_queue(shop):
    assert "no queue yet" in shop.dj("jobs", "lab:Scan").out
    assert "3 pending" in shop.dj("jobs", "lab:Scan", "--refresh").out


def test_describe_and_diagram(shop):
    assert "-> Subject\n---\npid " in " ".join(shop.dj("describe", "lab:Scan").out.split(" "))
    found = shop.json("describe", "Fit", "--schema", shop.schema)
    assert ("computed", ["subject_id"]) == (found["tier"], found["primary_key"])
    drawn = shop.dj("diagram", "lab").out
    assert [True] * 3 == [name in drawn for name in ("Subject", "Scan", "Fit")]
    assert "<svg" in shop.dj("diagram", "--schema", shop.schema, "-f", "svg").out
    shop.dj("diagram", "lab:Fit", "-o", "fit.svg")
    assert "<svg" in (shop.folder / "fit.svg").read_text(encoding="utf-8")


def test_config_shows_what_is_set_and_no_password(shop, monkeypatch):
    monkeypatch.setenv("DJ_PASS", "very-secret")
    monkeypatch.setenv("DJ_DISPLAY_LIMIT", "7")
    shop.forget()
    said = shop.dj("config").out
    assert "very-secret" not in said
    [line] = [line.split() for line in said.splitlines() if line.startswith("display.limit")]
    assert ["display.limit", "7"] == line[:2]
    assert {"value": True, "origin": "default"} == shop.json("config", "safemode")["safemode"]
    assert "DJ100" in shop.dj("config", "safemod", status=1).err


# ---------------------------------------------------------------------------------------- populate, worker


@pytest.mark.statement("CLI-2", "POP-9")
def test_populate_computes_in_order_and_shows_how_far_it_is(shop):
    said = shop.dj("populate", "lab")
    assert ["table", "made", "failed", "left"] == said.out.splitlines()[0].split()
    assert [["Scan", "3", "·", "·"], ["Fit", "3", "·", "·"]] == [
        line.split() for line in said.out.splitlines()[1:]
    ]
    assert "Scan: 3/3 (100%)" in said.err
    assert "Fit: 3/3 (100%)" in said.err
    assert "" == shop.dj("populate", "lab", "-q").err


def test_populate_keeps_errors_and_tells_how_to_go_on(shop, monkeypatch):
    monkeypatch.setenv("BROKEN", "1")
    said = shop.dj("populate", "lab", status=2)
    assert [["Scan", "1", "2", "2"], ["Fit", "1", "·", "·"]] == [
        line.split() for line in said.out.splitlines()[1:3]
    ]
    assert f"dj errors {shop.schema}:Scan" in said.out
    assert "2 failed before, see dj retry" in shop.dj("populate", "lab", status=2).out
    monkeypatch.delenv("BROKEN")
    shop.dj("retry", "lab:Scan", "--all")
    found = shop.json("populate", "lab")
    assert [("made", 2), ("failed", 0), ("remaining", 0)] == [
        (n, found[0][n]) for n in ("made", "failed", "remaining")
    ]


@pytest.mark.parametrize("how", [["--direct"], []], ids=["direct", "queue"])
def test_populate_of_some_keys(shop, how):
    found = shop.json("populate", "lab:Scan", "--key", "subject_id=2", *how)
    assert [1] == [table["made"] for table in found]
    found = shop.json("populate", "lab", "--where", "subject_id < 3", *how)
    assert [1, 2] == [table["made"] for table in found]
    assert [1] == [table["made"] for table in shop.json("populate", "lab:Scan", "--max-calls", "1", *how)]


def test_populate_stops_at_the_first_error_where_asked(shop, monkeypatch):
    monkeypatch.setenv("BROKEN", "1")
    err = shop.dj("populate", "lab", "--stop", "--direct", status=1).err
    assert "DJ500 compute: FileNotFoundError: no file scan_2.tif, while making `Scan`" in err
    assert "(lab.py:" in err
    assert 1 == len(shop.module.Scan())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["populate"], "Name the module of a pipeline"),
        (["populate", "lab:Subject"], "None of the tables is computed"),
        (["populate", "lab", "--where", "subjct_id < 3"], "DJ302"),
        (["populate", "lba"], "Did you mean `lab`?"),
        (["worker", "lab", "--port", "many"], "DJ"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
@pytest.mark.backends("sqlite")
def test_mistakes_of_who_computes_are_explained(shop, arguments, said):
    assert said in shop.dj(*arguments, status=1).err


def test_a_schema_without_code_is_not_computed(shop):
    err = shop.dj("populate", "--schema", shop.schema, status=1).err
    assert "without the code that computes its tables" in err
    assert "Name the module that defines its tables" in err


@pytest.mark.statement("CLI-2", "POP-24")
def test_a_worker_drains_the_queues(shop, monkeypatch):
    said = shop.dj("worker", "lab", "--drain")
    assert "6 made in" in said.err
    assert "Scan, Fit" in said.err
    monkeypatch.setenv("BROKEN", "1")
    shop.module.Scan.delete(prompt=False)
    assert "1 made, 2 failed in" in shop.dj("worker", "lab:Scan", "--drain", status=2).err


REACTIONS = """
import os
import datajoint as dj
from lab import *

files = dj.Sensor(Subject, "incoming", lambda path: {"subject_id": int(path.stem), "species": "rat"}, settle=0, every=0.1)
"""


@pytest.mark.statement("CLI-2", "POP-24")
def test_a_worker_computes_what_the_sensors_of_its_module_bring_until_it_is_stopped(shop):
    (shop.folder / "live.py").write_text(REACTIONS, encoding="utf-8")
    (shop.folder / "incoming").mkdir()
    program = shop.program("worker", "live", "--health-file", "health.json", "--poll", "0.2")
    wait_for(lambda: len(shop.module.Fit()) == 3)
    (shop.folder / "incoming" / "77.txt").touch()
    wait_for(lambda: len(shop.module.Fit()) == 4)
    assert json.loads((shop.folder / "health.json").read_text())["pid"] == program.pid
    program.send_signal(signal.SIGTERM)
    _, err = program.communicate(timeout=300)
    assert 0 == program.returncode
    assert "Sensor('" in err
    assert "8 made in" in err
    assert not (shop.folder / "health.json").exists()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


SLOW = """
import time
from lab import *

class Slow(dj.Computed):
    definition = "-> Subject"

    def make(self, key):
        for _ in range(600):
            time.sleep(0.1)
        self.insert1(key)

Slow = schema(Slow)
"""


@pytest.mark.statement("CLI-2")
def test_what_runs_is_shown_and_can_be_cancelled(shop):
    (shop.folder / "slow.py").write_text(SLOW, encoding="utf-8")
    shop.dj("jobs", "slow:Slow", "--refresh")
    program = shop.program("populate", "slow:Slow", "--key", "subject_id=2", "-q")
    wait_for(lambda: shop.json("jobs", "slow:Slow")["counts"]["reserved"] == 1)
    shop.forget()  # as another program, which sees the tables of now
    assert "nothing of that runs" in shop.dj("cancel", "slow:Slow", "--key", "subject_id=1").out
    [worker] = shop.json("status", "slow")[0]["workers"]
    assert worker["alive"]
    assert "1 worker alive" in shop.dj("status", "slow").out
    said = shop.dj("cancel", "slow:Slow", "--all", "--reason", "too slow")
    assert "Slow subject_id=2 is stopped\n" == said.out
    out, _ = program.communicate(timeout=300)
    assert 2 == program.returncode, out
    [failure] = shop.json("errors", "slow:Slow")
    assert "too slow" in failure["message"]
    assert 0 == len(shop.module.schema["Slow"])


@pytest.mark.statement("CLI-2", "PRV-7")
def test_stale_rows_are_shown_and_made_again(shop):
    shop.dj("populate", "lab")
    said = shop.dj("stale", "lab", "--check").out
    assert "Scan  3 fresh, known in part" in said  # its make asks the environment
    assert "Fit   all rows are fresh" in said
    (shop.folder / "lab.py").write_text(
        (shop.folder / "lab.py").read_text().replace('"y": 1.0', '"y": 2.0'), encoding="utf-8"
    )
    shop.forget()
    said = shop.dj("stale", "lab", "--limit", "2", "--check", status=2)
    assert "Fit   3 stale" in said.out
    assert "subject_id=1" in said.out
    assert "… and 1 more" in said.out
    states = [[row["state"] for row in table["rows"]] for table in shop.json("stale", "lab")]
    assert [["fresh, known in part"] * 3, ["stale"] * 3] == states
    said = shop.dj("populate", "--stale", "lab")
    assert ["Fit", "3", "·", "·"] == said.out.splitlines()[2].split()
    assert [2.0] * 3 == shop.module.Fit.to_arrays("y").tolist()
    assert "nothing to compute\n" == shop.dj("populate", "--stale", "lab").out


# ------------------------------------------------------------------------------- lineage, why, verify


@pytest.mark.statement("CLI-2", "PRV-6")
def test_lineage_of_a_row(shop):
    shop.dj("populate", "lab", "--direct")
    said = shop.dj("lineage", "lab:Fit", "subject_id=2").out.splitlines()
    assert "Fit  subject_id=2" == said[0]
    assert said[1].startswith("│ made 2")
    assert "└─ Scan  subject_id=2  referenced" in said
    assert said == shop.dj("lineage", "lab:Fit", '{"subject_id": 2}').out.splitlines()
    [fit] = shop.json("lineage", "Fit", "subject_id=2", "--schema", shop.schema)["rows"]
    assert ("Fit", "make", "Scan") == (fit["name"], fit["writers"][0]["kind"], fit["sources"][0]["name"])
    assert "used by" in shop.dj("lineage", "lab:Subject", "subject_id=2", "--downstream").out
    assert "…" in shop.dj("lineage", "lab:Fit", "subject_id=2", "--depth", "0").out


@pytest.mark.statement("CLI-2", "PRV-6")
def test_lineage_is_drawn(shop):
    shop.dj("populate", "lab", "--direct")
    assert "flowchart LR" in shop.dj("lineage", "lab:Fit", "subject_id=2", "-f", "mermaid").out
    assert "<svg" in shop.dj("lineage", "lab:Fit", "subject_id=2", "-f", "svg").out
    for name, part in (("a.svg", "<svg"), ("a.mmd", "flowchart"), ("a.dot", "digraph"), ("a.json", '"rows"')):
        shop.dj("lineage", "lab:Fit", "subject_id=2", "-o", name)
        assert part in (shop.folder / name).read_text(encoding="utf-8")


@pytest.mark.statement("CLI-2", "PRV-7")
def test_why_a_row_is_stale(shop):
    shop.dj("populate", "lab", "--direct")
    assert "fresh" in shop.dj("why", "lab:Fit", "subject_id=1", "--check").out
    (shop.folder / "lab.py").write_text(
        (shop.folder / "lab.py").read_text().replace('"y": 1.0', '"y": 2.0'), encoding="utf-8"
    )
    shop.forget()
    said = shop.dj("why", "lab:Fit", "subject_id=1", "--check", status=2).out
    assert "Fit  subject_id=1  stale" in said
    assert "-    self.insert1({**key, 'y': 1.0})" in said
    assert "+    self.insert1({**key, 'y': 2.0})" in said
    [row] = shop.json("why", "lab:Fit", "subject_id=1")
    assert ("stale", "code") == (row["state"], row["causes"][0]["kind"])
    assert 3 == len(shop.json("why", "lab:Fit"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lineage", "lab:Fit", "subjct_id=2"], "Did you mean `subject_id`?"),
        (["lineage", "lab:Fit", "subject_id=77"], "`Fit` has no row with subject_id=77"),
        (["lineage", "lab:Fit", "subject_id"], "`subject_id` is no condition"),
        (["lineage", "lab:Fit", "{subject_id"], "is no JSON"),
        (["lineage", "lab:Subject", "-o", "a.pdf"], "`a.pdf` does not say what to write"),
        (["why", "lab:Subject", "subject_id=2"], "`Subject` is a manual table"),
        (["verify"], "Name the module of a pipeline"),
        (["verify", "lab:Subject"], "None of the tables is computed"),
        (["verify", "lab", "--sample", "many"], "`many` is no sample"),
        (["verify", "lab", "--sample", "0"], "sample is 0"),
        (["verify", "lab", "--tolerance", "y"], "`y` is no tolerance"),
        (["verify", "lab", "--tolerance", "x=1"], "has an attribute `x`"),
        (["verify", "lab", "--tolerance", "1", "--tolerance", "y=1"], "A tolerance for all"),
        (["verify", "lab", "--where", "yy > 1"], "DJ"),
        (["verify", "lab", "--at", "HEAD"], "is in no git repository"),
        (["verify", "--schema", "x", "--at", "HEAD"], "`x` is a schema of the database"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
@pytest.mark.backends("sqlite")
def test_mistakes_about_rows_are_explained(shop, arguments, said):
    shop.dj("populate", "lab", "--direct", "-q")
    assert said in shop.dj(*arguments, status=1).err


@pytest.mark.statement("CLI-2", "POP-26")
def test_verify_compares(shop):
    shop.dj("populate", "lab", "--direct", "-q")
    said = shop.dj("verify", "lab")
    assert [["table", "verified", "differ", "failed", "of"], ["Scan", "3", "·", "·", "3"]] == [
        line.split() for line in said.out.splitlines()[:2]
    ]
    assert "Fit: 3/3 (100%)" in said.err
    shop.module.Fit.update1({"subject_id": 2, "y": 1.25}, allow_direct_update=True)
    said = shop.dj("verify", "lab", "-q", status=2).out
    assert ["Fit", "2", "1", "·", "3"] == said.splitlines()[2].split()
    assert ["subject_id=2", "y", "1.25", "1.0", "0.25"] == said.splitlines()[-1].split()
    found = shop.json("verify", "lab:Fit", "--key", "subject_id=2", status=2)
    assert [(1, 1, 0.25)] == [
        (one["keys"], one["differ"], one["outcomes"][0]["differences"][0]["size"]) for one in found
    ]
    assert 1.25 == (shop.module.Fit & {"subject_id": 2}).fetch1("y")
    for option in (
        ["--tolerance", "0.5"],
        ["--tolerance", "y=0.5"],
        ["--ignore", "y"],
        ["--where", "subject_id > 2"],
    ):
        shop.dj("verify", "lab:Fit", "-q", *option)
    assert "a sample of 1" in shop.dj("verify", "lab:Scan", "-q", "--sample", "30%", "--seed", "1").out


@pytest.mark.statement("CLI-2", "POP-26")
def test_verify_tells_what_failed(shop, monkeypatch):
    shop.dj("populate", "lab", "--direct", "-q")
    monkeypatch.setenv("BROKEN", "1")
    said = shop.dj("verify", "lab", "-q", status=2)
    assert ["Scan", "1", "·", "2", "3"] == said.out.splitlines()[1].split()
    assert "subject_id=2  FileNotFoundError: no file scan_2.tif" in said.out
    assert "looking for 2" in said.err
    assert 3 == len(shop.module.Scan())


class Repository:
    """The folder of a shop as a git repository."""

    def __init__(self, shop):
        self.shop = shop
        self.git("init", "-q", "-b", "main")
        self.commit("first")

    def git(self, *arguments):
        who = ["-c", "user.name=Ann", "-c", "user.email=ann@lab.example", "-c", "commit.gpgsign=false"]
        run = subprocess.run(
            ["git", *who, *arguments], cwd=self.shop.folder, text=True, capture_output=True, check=True
        )
        return run.stdout

    def commit(self, text):
        self.git("add", "*.py")
        self.git("commit", "-q", "-m", text)

    def edit(self, old, new):
        file = self.shop.folder / "lab.py"
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    def verify(self, *arguments, status=0):
        program = self.shop.program("verify", *arguments)
        out, err = program.communicate(timeout=300)
        assert status == program.returncode, out + err
        assert 1 == len(self.git("worktree", "list").splitlines())
        return out, err


@pytest.fixture
def repository(shop):
    made = Repository(shop)
    shop.dj("populate", "lab", "--direct", "-q")
    made.edit('"y": 1.0', '"y": 2.0')
    made.commit("second")
    return made


@pytest.mark.statement("CLI-2", "POP-26", "PRV-6")
def test_verify_with_the_code_of_a_commit(repository, shop):
    made = (shop.module.schema.events & {"kind": "make", "table_name": "__fit"}).to_arrays("code")[0]
    out, _ = repository.verify("lab:Fit", "-q", status=2)
    assert ["Fit", "·", "3", "·", "3"] == out.splitlines()[1].split()
    out, err = repository.verify("lab:Fit", "-q", "--at", "HEAD~1")
    assert ["Fit", "3", "·", "·", "3"] == out.splitlines()[1].split()
    assert "code of " in err
    assert "first" in err
    repository.edit('"y": 2.0', '"y": 1.0')  # what is not committed does not count
    out, _ = repository.verify("lab:Fit", "--json", "--key", "subject_id=3", "--at", "main", status=2)
    [found] = json.loads(out)
    assert ("1.0", "2.0") == tuple(found["outcomes"][0]["differences"][0][n] for n in ("stored", "new"))
    events = (shop.module.schema.events & {"kind": "verify"}) * shop.module.schema.environments.proj(
        "commit", "repository"
    )
    rows = events.to_dicts(order_by="event")
    heads = repository.git("rev-parse", "HEAD", "HEAD~1", "HEAD").split()
    assert heads == [row["commit"] for row in rows]
    assert [str(shop.folder)] * 3 == [row["repository"] for row in rows]
    sources = dict(zip(*shop.module.schema.code.to_arrays("code", "source"), strict=True))
    assert sources[made]["~static"] == rows[1]["code"]


@pytest.mark.statement("CLI-2", "POP-26")
def test_code_of_a_commit_changes_no_tables(repository, shop):
    repository.edit(
        "@schema\nclass Scan",
        '@schema\nclass Old(dj.Lookup):\n    definition = "old : int32"\n    contents = [(1,), (2,)]\n\n@schema\nclass Scan',
    )
    repository.commit("third")
    shop.forget()
    assert 2 == len(shop.module.schema["Old"])
    repository.edit("contents = [(1,), (2,)]", "contents = [(1,), (2,), (3,)]\n\n@schema\nclass Older(dj.Manual):\n"
                    '    definition = "older : int32"')  # fmt: skip
    repository.commit("fourth")
    repository.edit("class Older(dj.Manual)", "class Other(dj.Manual)")
    repository.verify("lab:Scan", "-q", "--ignore", "pid", "--at", "HEAD")
    shop.module.schema.connection.catalog.forget(shop.schema)
    tables = {name.name for name in shop.module.schema.connection.catalog.tables(shop.schema)}
    assert {"subject", "_scan", "__fit", "#old"} == {name for name in tables if not name.startswith("~")}
    assert 2 == len(shop.module.schema["Old"])


@pytest.mark.statement("CLI-2")
@pytest.mark.backends("sqlite")
def test_verify_at_a_commit_explains_what_it_lacks(repository, shop, monkeypatch):
    _, err = repository.verify("lab", "--at", "nowhere", status=1)
    assert "has no commit `nowhere`" in err
    repository.git("mv", "lab.py", "laboratory.py")
    repository.commit("moved")
    repository.git("mv", "laboratory.py", "lab.py")
    _, err = repository.verify("lab", "--at", "HEAD", status=1)
    assert "At that commit there is no module `lab`" in err
    repository.edit("import os", "import os, no_such_module")
    repository.commit("broken")
    _, err = repository.verify("lab", "--at", "HEAD", status=1)
    assert "cannot be imported: ModuleNotFoundError" in err
    monkeypatch.setenv("PATH", str(shop.folder))
    assert "git was not found" in shop.dj("verify", "lab", "--at", "HEAD", status=1).err


# ------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "lba"], ["DJ210", "`lba` is neither a module nor a schema", "Did you mean `lab`?"]),
        (["status", "lab:Sacn"], ["DJ210", "`lab` has no table `Sacn`", "Did you mean `Scan`?"]),
        (["errors", "--schema", "nowhere"], ["DJ210", "no schema `nowhere`"]),
        (["jobs", "lab:Subject"], ["DJ000", "`Subject` is a manual table"]),
        (["retry", "lab:Scan"], ["--key NAME=VALUE, or --all"]),
        (["cancel", "lab:Scan", "--all", "--key", "subject_id=1"], ["--key NAME=VALUE, or --all"]),
        (["retry", "lab:Scan", "--key", "subjct_id=1"], ["DJ302", "Did you mean `subject_id`?"]),
        (["retry", "lab:Scan", "--key", "subject_id"], ["DJ100", "Write --key name=value"]),
        (["retry", "lab:Scan", "--key", "{subject_id: 1}"], ["DJ100", "is no JSON"]),
        (["retry", "lab", "--all"], ["DJ210", "`lab` is no single table", "lab:TABLE"]),
        (["stauts"], ["No such command 'stauts'. Did you mean 'status'?"]),
        (["status", "--jsn"], ["Did you mean '--json'?"]),
        (["--config", "nowhere.json", "status"], ["DJ100", "There is no configuration file nowhere.json"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_explained(shop, arguments, said):
    shop.module.Scan.jobs.refresh()
    err = shop.dj(*arguments, status=1).err
    assert [] == [text for text in said if text not in err], err


def test_parts_are_named_by_their_master(shop):
    code = """
@schema
class Track(dj.Computed):
    definition = "-> Scan"

    class Point(dj.Part):
        definition = "-> master\\npoint : int16"

    def make(self, key):
        self.insert1(key)
        self.Point.insert1({**key, "point": 7})
"""
    with (shop.folder / "lab.py").open("a", encoding="utf-8") as file:
        file.write(code)
    shop.forget()
    shop.module.schema.populate()

    assert "-> Track" in shop.dj("describe", "lab:Track.Point").out
    assert "-> Track" in shop.dj("describe", "Track.Point", "--schema", shop.schema).out
    told = shop.dj("lineage", "lab:Track.Point", "subject_id=1").out
    assert told.startswith("Track.Point  subject_id=1 point=7")
    said = shop.dj("why", "lab:Track.Point", "subject_id=1", status=1).err
    assert "`Track.Point` is a part of `Track`" in said
    assert "Ask for `Track`" in said
    assert "fresh" in shop.dj("why", "lab:Track", "subject_id=1").out


def test_keys_may_be_json(shop):
    assert 1 == sum(t["made"] for t in shop.json("populate", "lab:Scan", "--key", '{"subject_id": 2}'))
    assert [2] == shop.module.Scan.to_arrays("subject_id").tolist()


def test_what_has_no_keys_yet_shows_no_bar(shop):
    *_, fit = [line for line in shop.dj("status", "lab").out.splitlines() if line.startswith("Fit")]
    assert ["Fit", "0", "0/0", "·", "·", "·", "·"] == fit.split()


def test_a_module_that_fails_is_named_with_the_line(shop):
    (shop.folder / "wrong.py").write_text("import datajoint\nx = 1 / 0\n", encoding="utf-8")
    err = shop.dj("status", "wrong", status=1).err
    assert "`wrong` cannot be imported: ZeroDivisionError: division by zero (wrong.py:2)" in err


def test_a_module_without_tables(shop):
    (shop.folder / "empty.py").write_text("import datajoint as dj\nschema = dj.Schema()\n", encoding="utf-8")
    assert "Name the module that activates its schemas" in shop.dj("status", "empty", status=1).err


@pytest.mark.backends("sqlite")
def test_no_database_file_is_made_by_looking(shop, monkeypatch):
    monkeypatch.setenv("DJ_DATABASE_NAME", "other.db")
    shop.forget()
    assert "There is no database file" in shop.dj("status", status=1).err
    assert not (shop.folder / "other.db").exists()


def test_settings_may_come_from_a_file(shop, monkeypatch):
    names = {"DJ_PASS": "password", "DJ_DATABASE_NAME": "name"}
    tree = {names.get(name, name[3:].lower()): value for name, value in shop.where.items()}
    (shop.folder / "other.json").write_text(json.dumps({"database": tree}), encoding="utf-8")
    for name in shop.where:
        monkeypatch.delenv(name)
    shop.forget()
    shown = shop.json("status", "--schema", shop.schema, "--config", "other.json")
    assert ["Subject", "Scan", "Fit"] == list(tables(shown))


@pytest.mark.statement("CLI-1")
def test_a_prompt_with_schemas(shop):
    names = f"{shop.schema}:one", "-s", f"{shop.schema}:two"
    said = shop.dj(
        "shell", "-s", *names, text="print(len(one.Subject()), two.Scan.primary_key, dj.__version__)\n"
    )
    assert "3 ['subject_id'] 3." in said.out
    assert "one  Fit, Scan, Subject" in said.err


@pytest.mark.statement("CLI-1")
def test_options_before_the_command_name_the_database(shop, monkeypatch):
    options = {"DJ_HOST": "--host", "DJ_USER": "-u", "DJ_PASS": "-p"}
    given = [text for n, option in options.items() if n in shop.where for text in (option, shop.where[n])]
    for name in options:
        monkeypatch.delenv(name, raising=False)
    shop.forget()
    names = f"{shop.schema}:one", f"{shop.schema}:two"
    said = shop.dj(*given, "-s", *names, "shell", text="print(len(one.Subject()), len(two.Subject()))\n")
    assert "3 3" in said.out


@pytest.mark.backends("sqlite")
def test_it_is_a_program(shop):
    program = shop.program("status", "lab")
    out, err = program.communicate(timeout=300)
    assert (0, "") == (program.returncode, err)
    assert "Scan" in out


@pytest.mark.statement("CLI-1")
def test_without_a_terminal_the_help_is_written(shop):
    assert "Usage: dj" in shop.dj().out
    assert "DataJoint 3." in shop.dj("-V").out


SLOW_KEYS = """
import datajoint as dj
import lab

schema = lab.schema

@schema
class Slow(dj.Computed):
    definition = "-> lab.Subject"

    @property
    def key_source(self):
        every = lab.Subject()
        for n in range(6):
            every = every * lab.Subject.proj(**{f"k{n}": "subject_id"})
        return lab.Subject & (every & "k0 + k1 * 2 + k2 * 3 + k3 * 5 + k4 * 7 + k5 < -1")

    def make(self, key):
        self.insert1(key)
"""


@pytest.mark.statement("CLI-2", "CFG-1")
def test_commands_stop_what_takes_longer_than_the_limit(shop, monkeypatch):
    """No database looks at 300 to the power of 7 rows in years."""
    shop.module.Subject.insert({"subject_id": n, "species": "rat"} for n in range(4, 301))
    (shop.folder / "slow.py").write_text(SLOW_KEYS, encoding="utf-8")
    importlib.import_module("slow")
    shop.forget()
    monkeypatch.setenv("DJ_DATABASE_STATEMENT_TIMEOUT", "1")
    limit = "after 1 s, the limit that `database.statement_timeout` sets"
    assert limit in shop.dj("status", "slow:Slow").out
    shop.forget()
    said = shop.dj("populate", "slow:Slow", "--direct", status=1)
    assert said.err.startswith("DJ305 "), said.err
    assert limit in said.err
    shop.forget()
    assert "Subject" in shop.dj("status", "lab").out

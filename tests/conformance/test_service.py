"""Workers that run for long: woken by inserts, ended in order, sharing a pipeline with others."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request

import pytest

import datajoint as dj
from datajoint.compute.pipeline.lanes import ReservedLane
from datajoint.errors import ConfigurationError, DataJointError
from datajoint.workers.overview import workers_of

PATIENCE = 300

PROGRAM = """
import os, sys, time
import datajoint as dj

instance = dj.Instance(**{settings!r})
schema = instance.Schema({schema!r})

def made(table, key):
    with open({log!r}, "a") as file:
        print(type(table).__name__, *key.values(), os.getpid(), file=file)

@schema
class Subject(dj.Manual):
    definition = "subject_id : int32"

@schema
class Scan(dj.Imported):
    definition = "-> Subject"

    def make(self, key):
        made(self, key)
        {work}
        self.insert1(key)

@schema
class Fit(dj.Computed):
    definition = '''
    -> Scan
    ---
    pid : int64
    '''

    class Cell(dj.Part):
        definition = '''
        -> master
        cell : int32
        '''

    def make(self, key):
        made(self, key)
        self.insert1({{**key, "pid": os.getpid()}})
        self.Cell.insert({{**key, "cell": n}} for n in range(2))

@schema
class Size(dj.Computed):
    definition = "-> Fit.Cell"

    def make(self, key):
        made(self, key)
        self.insert1(key)
"""


class Programs:
    """Starts programs with the same pipeline; its classes are here, too."""

    def __init__(self, folder, settings, schema):
        self.folder, self.settings, self.schema = folder, settings, schema
        self.log = folder / "made.txt"
        self.log.touch()
        self.processes = []
        names = {"__name__": "here"}
        exec(self.text(), names)
        self.instance, self.dj_schema = names["instance"], names["schema"]
        self.Subject, self.Scan, self.Fit, self.Size = (names[n] for n in ("Subject", "Scan", "Fit", "Size"))
        for cls in (self.Scan, self.Fit, self.Size):
            cls.jobs.refresh()  # declares

    def text(self, work="pass"):
        return PROGRAM.format(settings=self.settings, schema=self.schema, log=str(self.log), work=work)

    def start(self, body, work="pass"):
        path = self.folder / f"program{len(self.processes)}.py"
        path.write_text(self.text(work) + textwrap.dedent(body))
        process = subprocess.Popen([sys.executable, "-W", "ignore", str(path)], cwd=self.folder)
        self.processes.append(process)
        return process

    def made(self):
        return [tuple(line.split()[:-1]) for line in self.log.read_text().splitlines()]

    def wait_for(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        assert condition()

    def counts(self):
        return [len(table()) for table in (self.Scan, self.Fit, self.Size)]

    def held(self):
        return sum(cls.jobs.progress()["reserved"] for cls in (self.Scan, self.Fit, self.Size))


@pytest.fixture
def programs(tmp_path, backend, schema_name):
    where = {**backend.settings, "safemode": False}
    if backend.name == "sqlite":
        where["database__name"] = str(tmp_path / "test.db")
    found = Programs(tmp_path, where, schema_name())
    yield found
    for process in found.processes:
        process.kill()
        process.wait()
    found.instance.connection.close()


@pytest.mark.statement("POP-24")
@pytest.mark.parametrize("concurrency", [1, 2])
def test_an_insert_wakes_a_worker_that_computes_all_it_makes_possible(programs, concurrency):
    worker = programs.start(f"dj.Worker(schema, poll=3600, concurrency={concurrency}).run()")
    programs.Subject.insert1({"subject_id": 1})
    programs.wait_for(lambda: programs.counts() == [1, 1, 2])  # it was awake when it started
    for n in range(2, 5):
        programs.Subject.insert1({"subject_id": n})
        programs.wait_for(lambda n=n: programs.counts() == [n, n, 2 * n])
    assert len(programs.made()) == len(set(programs.made()))
    worker.send_signal(signal.SIGTERM)
    assert 0 == worker.wait(PATIENCE)
    assert 0 == programs.held()


@pytest.mark.statement("POP-24")
def test_an_insert_itself_computes_nothing(programs):
    programs.Subject.insert1({"subject_id": 1})
    assert ([0, 0, 0], []) == (programs.counts(), programs.made())


@pytest.mark.statement("POP-24")
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_finishes_what_runs(programs, number):
    programs.Subject.insert({"subject_id": n} for n in range(10))
    worker = programs.start("dj.Worker(schema).run()", work="time.sleep(0.5)")
    programs.wait_for(programs.made)
    worker.send_signal(number)
    assert 0 == worker.wait(PATIENCE)
    assert len(programs.made()) == sum(programs.counts())
    assert (0, 0) == (programs.held(), programs.Scan.jobs.progress()["error"])
    assert programs.counts() != [10, 10, 20]


@pytest.mark.statement("POP-24")
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_make_that_takes_too_long_to_finish_is_given_up(programs, concurrency):
    programs.Subject.insert1({"subject_id": 1})
    body = f"dj.Worker(schema, grace=0.2, concurrency={concurrency}).run()"
    worker = programs.start(body, work="time.sleep(60)")
    programs.wait_for(programs.made)
    worker.send_signal(signal.SIGTERM)
    assert 0 == worker.wait(PATIENCE)
    counts = programs.Scan.jobs.progress()
    assert (0, 1, 0) == (counts["reserved"], counts["pending"], counts["error"])
    assert [0, 0, 0] == programs.counts()


@pytest.mark.statement("POP-24", "JOB-1")
def test_two_workers_share_a_pipeline_and_make_each_key_once(programs):
    programs.Subject.insert({"subject_id": n} for n in range(30))
    both = [programs.start("dj.Worker(schema).run(until_done=True)", "time.sleep(0.01)") for _ in range(2)]
    assert [0, 0] == [process.wait(PATIENCE) for process in both]
    assert [30, 30, 60] == programs.counts()
    assert len(programs.made()) == len(set(programs.made())) == 120
    assert 0 == programs.held()


@pytest.mark.statement("POP-24", "JOB-14")
def test_what_a_killed_worker_held_is_made_by_another(programs):
    programs.Subject.insert({"subject_id": n} for n in range(20))
    programs.settings["jobs__lease"] = 2  # what the killed one held is free soon, on a slow machine, too
    first = programs.start("dj.Worker(schema).run()", work="time.sleep(0.05)")
    programs.wait_for(lambda: len(programs.made()) > 5)
    first.kill()
    first.wait()
    assert 0 == programs.start("dj.Worker(schema, poll=0.5).run(until_done=True)").wait(PATIENCE)
    assert [20, 20, 40] == programs.counts()
    assert 0 == programs.held()
    assert len(programs.made()) - len(set(programs.made())) <= 1  # the one that it was at


@pytest.mark.statement("POP-24", "SCH-12")
@pytest.mark.parametrize("how", ["dj.Worker(schema, concurrency=2).run()", "schema.populate(processes=2)"])
def test_a_pipeline_killed_in_the_middle_is_completed_by_another(programs, how):
    programs.Subject.insert({"subject_id": n} for n in range(20))
    programs.settings["jobs__lease"] = 2  # what the killed one held is free soon, on a slow machine, too
    first = programs.start(how, work="time.sleep(0.05)")
    programs.wait_for(lambda: len(programs.made()) > 5)
    first.kill()
    first.wait()
    assert 0 == programs.start("dj.Worker(schema, poll=0.5).run(until_done=True)").wait(PATIENCE)
    assert [20, 20, 40] == programs.counts()
    assert 0 == programs.held()


@pytest.mark.statement("POP-24")
def test_a_failing_key_does_not_stop_the_worker(programs):
    programs.Subject.insert({"subject_id": n} for n in range(3))
    worker = programs.start(
        "dj.Worker(schema).run(until_done=True)", work="assert key['subject_id'] != 1, 'no ones'"
    )
    assert 0 == worker.wait(PATIENCE)
    assert [2, 2, 4] == programs.counts()
    assert ["AssertionError: no ones"] == programs.Scan.jobs.errors.to_arrays("error_message").tolist()


# --------------------------------------------------------------------------------------- in this process


@pytest.fixture
def fit(schema):
    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject"

        def make(self, key):
            if key["subject_id"] in self.once:
                self.once.discard(key["subject_id"])
                raise ValueError("not at first")
            self.insert1(key)

    Fit.Subject, Fit.once = Subject, set()
    Subject.insert({"subject_id": n} for n in range(4))
    return Fit


@pytest.mark.statement("POP-24")
def test_a_worker_ends_by_itself_where_told_so(fit):
    assert 3 == dj.Worker(fit).run(max_calls=3)
    assert 1 == dj.Worker(fit).run(until_done=True)
    assert 0 == dj.Worker(fit).run(max_idle=0.01)
    assert 4 == len(fit())


@pytest.mark.statement("POP-24", "JOB-7")
def test_a_key_that_may_be_tried_again_is_waited_for(fit):
    fit.once.add(2)
    with fit.connection.config.override(jobs__max_attempts=2, jobs__retry_delay=0.2):
        assert 4 == dj.Worker(fit).run(until_done=True)
    assert 4 == len(fit())


@pytest.mark.statement("POP-24")
def test_reactions_are_asked_and_told(fit):
    class Sensor:
        def __init__(self):
            self.outcomes, self.looks = [], 0

        def tick(self, now):
            self.looks += 1
            if self.looks == 2:
                fit.Subject.insert1({"subject_id": 7})
            if self.looks == 4:
                worker.stop()
            if self.looks == 3:
                raise OSError("a file is not there")
            return 0.01

        def on_outcome(self, outcome):
            self.outcomes.append((outcome.table.class_name, outcome.key["subject_id"], outcome.status))
            if outcome.key["subject_id"] == 7:
                self._told = True

    sensor = Sensor()
    worker = dj.Worker(fit, reactions=[sensor])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datajoint.workers.reacting._AFTER_FAILURE", 0.01)
        worker.run()
    assert ("Fit", 0, "done") in sensor.outcomes
    assert 4 == sensor.looks


@pytest.mark.statement("POP-24")
def test_a_worker_runs_in_any_thread(fit):
    worker = dj.Worker(fit)
    thread = threading.Thread(target=worker.run)
    thread.start()
    end = time.monotonic() + PATIENCE
    while worker.made < 4 and time.monotonic() < end:
        time.sleep(0.01)
    worker.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert 4 == len(fit())


@pytest.mark.statement("POP-24")
def test_a_worker_needs_something_to_do(schema):
    with pytest.raises(DataJointError, match="no table"):
        dj.Worker(schema)


@pytest.mark.statement("POP-24")
def test_a_table_that_something_is_wrong_with_does_not_stop_the_others(fit, schema, monkeypatch, caplog):
    @schema
    class Other(dj.Computed):
        definition = "-> Subject"

        def make(self, key):
            raise NotImplementedError

    def find(lane):
        if lane.table.class_name == "Other":
            raise DataJointError("The view is gone.")
        return found(lane)

    found = ReservedLane._find
    monkeypatch.setattr(ReservedLane, "_find", find)
    assert 4 == dj.Worker(schema).run(until_done=True)
    assert 1 == caplog.text.count("The view is gone.")


# --------------------------------------------------------------------------------------- asked how it is


class Asking:
    """A reaction that asks, while the worker runs, how it is; then lets it end."""

    def __init__(self, ask):
        self.ask, self.answers = ask, []

    def tick(self, now):
        if self.worker.made >= 4:
            self.answers.append(self.ask())
            self.worker.stop()
        return 0.0

    def on_outcome(self, outcome):
        pass


def run_and_ask(table, ask, **options):
    asking = Asking(ask)
    asking.worker = dj.Worker(table, reactions=[asking], **options)
    asking.worker.run()
    (answer,) = asking.answers
    return answer


@pytest.mark.statement("POP-24")
def test_a_file_says_how_the_worker_is(fit, tmp_path):
    path = tmp_path / "health.json"
    found = run_and_ask(fit, lambda: json.loads(path.read_text()), health_file=path)
    assert "idle" == found["state"]
    assert os.getpid() == found["pid"]
    assert not path.exists()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        dj.Worker(fit, health_file=tmp_path / "nowhere" / "x").run(until_done=True)


@pytest.mark.statement("POP-24")
def test_health_and_metrics_by_http(fit):
    def ask():
        host, port = asking["worker"].address
        start = f"http://{host}:{port}"
        health = json.loads(urllib.request.urlopen(f"{start}/health").read())
        metrics = urllib.request.urlopen(f"{start}/metrics").read().decode()
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{start}/else")
        return health, metrics

    asking = {}
    one = Asking(ask)
    one.worker = asking["worker"] = dj.Worker(fit, reactions=[one], listen=0)
    one.worker.run()
    (health, metrics) = one.answers[0]
    name = str(fit().name)
    assert {"done": 4} == health["outcomes"][name]
    assert f'datajoint_makes_total{{table="{name}",outcome="done"}} 4' in metrics.splitlines()
    assert "datajoint_worker_up 1" in metrics.splitlines()
    assert "stopped" == one.worker.status()["state"]
    with pytest.raises(ConfigurationError, match="no address"):
        dj.Worker(fit, listen="here")


@pytest.mark.statement("POP-24")
def test_logs_as_lines_of_json(fit, capsys):
    fit.once.add(2)
    dj.Worker(fit, json_logs=True).run(until_done=True)
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    made = {line["key"]["subject_id"]: line["outcome"] for line in told if "outcome" in line}
    assert {0: "done", 1: "done", 2: "failed", 3: "done"} == made
    (failed,) = [line for line in told if line["level"] == "ERROR"]
    assert "ValueError: not at first" == failed["error"]


@pytest.mark.statement("POP-24")
def test_reactions_are_asked_while_all_processes_compute(programs):
    programs.Subject.insert1({"subject_id": 1})
    body = """
    class Stop:
        looks = 0
        def tick(self, now):
            if os.path.getsize({log!r}):  # it is being made
                self.looks += 1
            if self.looks == 3:
                open({log!r} + ".enough", "w").close()
                worker.stop()
            return 0.0
        def on_outcome(self, outcome):
            pass

    import os
    worker = dj.Worker(schema, concurrency=2, reactions=[Stop()])
    worker.run()
    """.replace("{log!r}", repr(str(programs.log)))
    work = f"end = {str(programs.log)!r} + '.enough'\n        while not os.path.exists(end): time.sleep(0.01)"
    assert 0 == programs.start(body, work).wait(PATIENCE)
    assert [1, 0, 0] == programs.counts()


@pytest.mark.statement("POP-24")
def test_an_idle_worker_is_seen_by_others(fit):
    (worker,) = run_and_ask(fit, lambda: workers_of(fit.connection, [fit().database]))
    assert (True, ("__fit",)) == (worker.alive, worker.tables)
    assert [] == workers_of(fit.connection, [fit().database])

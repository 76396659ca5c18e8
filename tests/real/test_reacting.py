"""What happens by itself while a worker runs: real files, programs, web and mail servers, and restarts."""

import datetime as dt
import email.policy
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

import datajoint as dj
from datajoint.errors import DataJointError, UnknownAttributeError
from datajoint.reactions import actions, sensor as sensors
from datajoint.sql.system_tables.sensors import SENSORS

HOUR = 3600.0


class Lab:
    """Recordings, and what is computed of them, through one connection; `again()` is a restart."""

    def __init__(self, connect, schema, folder):
        self.connect, self.name, self.folder = connect, schema, folder
        self.restart()

    def restart(self):
        instance = self.connect()
        schema = self.schema = instance.Schema(self.name)

        @schema
        class Recording(dj.Manual):
            definition = "file : varchar(80)\n---\nsize : int32\ntaken = null : date"

        @schema
        class Scan(dj.Imported):
            definition = "-> Recording\n---\ny : float64"

            def make(self, key):
                if "bad" in key["file"]:
                    raise ValueError(f"cannot read {key['file']}")
                self.insert1({**key, "y": 1.0})

        self.Recording, self.Scan = Recording, Scan
        return self

    def write(self, *names, text="x"):
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def sensor(self, rows=None, **options):
        rows = rows or (lambda path: {"file": path.name, "size": path.stat().st_size})
        return dj.Sensor(self.Recording, self.folder, rows, **{"settle": 0, **options})

    @property
    def files(self):
        return sorted(self.Recording.to_arrays("file").tolist())

    def events(self):
        return (self.schema.events & {"kind": "sensor"}).to_dicts(order_by="event")

    def marks(self):
        return dj.FreeTable(self.schema.connection, f"{self.name}.{SENSORS}").to_dicts()


@pytest.fixture
def lab(connect, schema_name, tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    return Lab(connect, schema_name(), folder)


@pytest.fixture
def clock(monkeypatch):
    """The clock of the sensors, which goes on when told to."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(sensors, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def programs_wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


# -------------------------------------------------------------------------------------------------- sensors


def test_new_files_become_rows_once(lab):
    lab.write("a.dat", "b.dat")
    sensor = lab.sensor(every=7)
    assert 7 == sensor.tick(0)
    assert ["a.dat", "b.dat"] == lab.files
    lab.write("c.dat")
    sensor.tick(0)
    sensor.tick(0)
    assert (["a.dat", "b.dat", "c.dat"], 3, 0) == (lab.files, sensor.taken, sensor.failures)


def test_after_a_restart_only_what_is_new_is_taken(lab):
    lab.write("a.dat")
    lab.sensor().tick(0)
    lab.restart()
    lab.Recording.delete()  # a file is taken once, whatever becomes of its rows
    lab.write("b.dat")
    sensor = lab.sensor()
    sensor.tick(0)
    assert (["b.dat"], 1) == (lab.files, sensor.taken)


def test_each_file_is_an_event_that_wrote_its_rows(lab):
    lab.write("a.dat", "b.dat")
    lab.sensor().tick(0)
    first, second = lab.events()
    assert ("recording", 1) == (first["table_name"], first["row_count"])
    events = lab.Recording.with_metadata().to_dicts(order_by="file")
    inserts = {row["event"]: row for row in (lab.schema.events & {"kind": "insert"}).to_dicts()}
    assert [first["event"], second["event"]] == [inserts[row["event"]]["parent"] for row in events]
    assert {"a.dat": first["event"], "b.dat": second["event"]} == {
        m["label"]: m["event"] for m in lab.marks()
    }


def test_a_file_that_is_being_written_is_left_alone(lab, clock):
    lab.write("a.dat", text="ha")
    sensor = lab.sensor(settle=2)
    sensor.tick(0)
    clock.seconds += 1.5
    lab.write("a.dat", text="half")
    sensor.tick(0)
    clock.seconds += 1.5
    sensor.tick(0)
    assert [] == lab.files
    clock.seconds += 1
    sensor.tick(0)
    assert [4] == lab.Recording.to_arrays("size").tolist()


def test_patterns(lab):
    lab.write("a.dat", "b.tif", "day1/c.tif", "day1/deep/d.tif", "day1/e.dat")
    lab.sensor(pattern="*.tif").tick(0)
    assert ["b.tif"] == lab.files
    lab.sensor(pattern="day1/**/*.tif").tick(0)
    assert ["b.tif", "c.tif", "d.tif"] == lab.files


def test_several_rows_or_none_of_a_file(lab):
    lab.write("two.dat", "none.dat")
    calls = []

    def rows(path):
        calls.append(path.name)
        return [{"file": f"{path.name}:{n}", "size": n} for n in (1, 2)] if path.name == "two.dat" else None

    sensor = lab.sensor(rows)
    sensor.tick(0)
    sensor.tick(0)
    assert (["two.dat:1", "two.dat:2"], ["none.dat", "two.dat"]) == (lab.files, calls)
    assert {"two.dat": "done", "none.dat": "ignored"} == {m["label"]: m["outcome"] for m in lab.marks()}


def test_a_file_that_fails_does_not_stop_the_others_and_is_tried_again(lab, clock):
    lab.write("a.dat", "b.dat", "c.dat")
    broken = ["b.dat"]

    def rows(path):
        if path.name in broken:
            raise OSError("cannot read")
        return {"file": path.name, "size": 1}

    sensor = lab.sensor(rows, retry=60)
    for _ in range(3):
        sensor.tick(0)
    assert (["a.dat", "c.dat"], 1) == (lab.files, sensor.failures)
    clock.seconds += 61
    sensor.tick(0)
    assert 2 == sensor.failures
    clock.seconds += 61  # twice as long now
    sensor.tick(0)
    assert 2 == sensor.failures
    [mark] = [mark for mark in lab.marks() if mark["outcome"] == "error"]
    assert ("b.dat", 2, "OSError: cannot read") == (mark["label"], mark["attempts"], mark["error"])
    broken.clear()
    lab.restart()
    lab.sensor(rows).tick(0)
    assert ["a.dat", "b.dat", "c.dat"] == lab.files
    assert {"done"} == {mark["outcome"] for mark in lab.marks()}


def test_rows_that_are_refused_leave_nothing(lab):
    lab.write("a.dat")
    sensor = lab.sensor(lambda path: [{"file": "fine", "size": 1}, {"file": "no size"}])
    sensor.tick(0)
    assert ([], 1) == (lab.files, sensor.failures)
    assert ["error"] == [mark["outcome"] for mark in lab.marks()]
    assert [] == lab.events()


def test_a_folder_may_be_absent_for_a_while(lab):
    lab.folder.rmdir()
    sensor = lab.sensor()
    with pytest.raises(DataJointError, match="There is no folder"):
        sensor.tick(0)
    lab.write("a.dat")
    sensor.tick(0)
    assert ["a.dat"] == lab.files


def test_several_workers_take_each_file_once(lab, connect):
    lab.write(*(f"{n:02}.dat" for n in range(20)))
    lab.sensor(pattern="nothing").tick(0)  # makes the table
    labs = [Lab(connect, lab.name, lab.folder) for _ in range(3)]
    ready = threading.Barrier(3)
    made = []

    def work(one):
        sensor = one.sensor(name="shared")
        ready.wait()
        while sensor.tick(0) == 0:
            pass
        made.append((sensor.taken, sensor.failures))

    threads = [threading.Thread(target=work, args=[one]) for one in labs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 == len(lab.files)
    assert (20, 0) == tuple(map(sum, zip(*made, strict=True)))


PROGRAM = """
import datajoint as dj
schema = dj.Instance(**{settings!r}).Schema({schema!r})

@schema
class Recording(dj.Manual):
    definition = "file : varchar(80)\\n---\\nsize : int32\\ntaken = null : date"

sensor = dj.Sensor(Recording, {folder!r}, lambda path: dict(file=path.name, size=1), settle=0, every=0)
while True:
    sensor.tick(0)
"""


def test_a_worker_that_is_killed_takes_no_file_twice_and_loses_none(lab, backend, tmp_path):
    settings = dict(backend.settings)
    if backend.name == "sqlite":
        settings["database__name"] = str(tmp_path / "test.db")
    program = PROGRAM.format(settings=settings, schema=lab.name, folder=str(lab.folder))
    names = [f"{n:03}.dat" for n in range(60)]
    lab.write(*names)
    for goal in (5, 25, 60):
        process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program])
        programs_wait_for(lambda goal=goal: len(lab.Recording()) >= goal)
        process.send_signal(signal.SIGKILL)
        process.wait()
    lab.restart()
    assert names == lab.files
    assert names == sorted(mark["label"] for mark in lab.marks())


@pytest.mark.statement("POP-24")
def test_a_worker_computes_what_a_sensor_brings(lab):
    lab.write("a.dat", "b.dat")
    worker = dj.Worker(lab.schema, reactions=[lab.sensor()])
    assert 2 == worker.run(until_done=True)
    assert ["a.dat", "b.dat"] == sorted(lab.Scan.to_arrays("file").tolist())


# ------------------------------------------------------------------------------------------------ schedules


def test_something_is_done_every_hour_whatever_is_restarted(lab):
    done = []
    schedule = dj.Schedule(
        lab.schema, lambda notice: done.append(notice.details["due"]), every=HOUR, name="x"
    )
    assert HOUR == schedule.tick(10 * HOUR)
    schedule.tick(10 * HOUR + 10)
    assert HOUR - 20 == schedule.tick(10 * HOUR + 20)
    assert ["1970-01-01T10:00:00Z"] == done
    lab.restart()
    again = dj.Schedule(lab.schema, lambda notice: done.append(notice.details["due"]), every=HOUR, name="x")
    again.tick(10 * HOUR + 30)
    assert 1 == len(done)
    again.tick(15 * HOUR + 30)  # what fell into a pause is done once
    assert ["1970-01-01T15:00:00Z"] == done[1:]
    assert 1 == len(lab.marks())
    assert ["schedule", "schedule"] == [event["details"]["what"] for event in lab.events()]


def test_one_of_several_workers_does_it(lab, connect):
    done = []
    schedules = [
        dj.Schedule(
            Lab(connect, lab.name, lab.folder).schema,
            lambda notice, n=n: done.append(n),
            every=HOUR,
            name="x",
        )
        for n in range(3)
    ]
    for now in (10 * HOUR, 11 * HOUR, 12 * HOUR):
        for schedule in schedules:
            schedule.tick(now)
    assert 3 == len(done)


def test_times_of_a_calendar(lab):
    done = []

    def do(notice):
        done.append(notice.details["due"])

    def at(text):
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()

    schedule = dj.Schedule(lab.schema, do, cron="0 3 * * *", zone="UTC", name="nightly")
    assert 3600 == schedule.tick(at("2026-02-27 17:50"))
    assert 600 == schedule.tick(at("2026-02-28 02:50"))
    assert [] == done
    schedule.tick(at("2026-02-28 03:00"))
    assert ["2026-02-28T03:00:00Z"] == done
    lab.restart()
    dj.Schedule(lab.schema, do, cron="0 3 * * *", zone="UTC", name="nightly").tick(at("2026-03-05 12:00"))
    assert ["2026-03-05T03:00:00Z"] == done[1:]


def test_what_fails_is_logged_and_counted(lab, caplog):
    def do(notice):
        raise LookupError("no such disk")

    schedule = dj.Schedule(lab.schema, do, every=HOUR, name="x")
    schedule.tick(10 * HOUR)
    assert (1, 1) == (schedule.delivery.sent, schedule.delivery.failures)
    assert "no such disk" in caplog.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "either every= or cron="),
        ({"every": 5, "cron": "* * * * *"}, "either every= or cron="),
        ({"every": 0}, "from 1 on"),
        ({"cron": "61 * * * *"}, "no minute"),
        ({"cron": "* * * * *", "zone": "Mars/Olympus"}, "no time zone"),
    ],
)
@pytest.mark.backends("sqlite")
def test_schedules_that_make_no_sense(lab, options, said):
    with pytest.raises(DataJointError, match=said):
        dj.Schedule(lab.schema, print, **options)


# ------------------------------------------------------------------------------------------------ freshness


def test_a_table_that_is_not_fresh_any_more_is_told_once_and_when_it_is_again(lab):
    told = []

    def rule():
        return dj.Freshness(
            lab.Recording, dt.timedelta(days=2), lambda notice: told.append(notice.what), by="taken"
        )

    today = dt.datetime.now(dt.UTC).astimezone().date()
    lab.Recording.insert1({"file": "old", "size": 1, "taken": today - dt.timedelta(days=5)})
    first = rule()
    first.tick(0)
    first.tick(0)
    assert ["stale"] == told
    lab.restart()
    second = rule()
    second.tick(0)
    assert ["stale"] == told
    lab.Recording.insert1({"file": "new", "size": 1, "taken": today})
    second.tick(0)
    second.tick(0)
    assert ["stale", "fresh"] == told
    assert ["stale", "fresh"] == [event["details"]["what"] for event in lab.events()]


def test_freshness_by_the_time_of_writing(lab):
    told = []
    rule = dj.Freshness(lab.Recording, 3600, lambda notice: told.append(notice.text), every=5)
    assert 5 == rule.tick(0)
    assert "Recording has no row younger than 1:00:00: it is empty" in told[0]
    lab.Recording.insert1({"file": "new", "size": 1})
    rule.tick(0)
    assert told[1].startswith("Recording has a row younger than 1:00:00: the newest is of")


def test_freshness_by_an_attribute_that_is_not_there(lab):
    with pytest.raises(UnknownAttributeError, match="Did you mean `taken`"):
        dj.Freshness(lab.Recording, 3600, print, by="takn").tick(0)


# ---------------------------------------------------------------------------------------------------- hooks


class Web(HTTPServer):
    """A web server that keeps what is posted to it, and answers with the next of `answers`, then 200."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Poster)
        self.posts, self.answers = [], []
        self.url = f"http://127.0.0.1:{self.server_port}/hook"


class _Poster(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), json.loads(body)))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Post(socketserver.TCPServer):
    """A mail server that keeps what is sent to it."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Postman)
        self.mails = []
        self.address = f"127.0.0.1:{self.server_address[1]}"


class _Postman(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 here\r\n")
        data, mail = False, []
        for line in self.rfile:
            if data and line == b".\r\n":
                data = False
                self.server.mails.append(b"".join(mail).decode())
            elif data:
                mail.append(line)
                continue
            elif line.upper().startswith(b"DATA"):
                data = True
            quit_ = line.upper().startswith(b"QUIT")
            self.wfile.write(b"354 go on\r\n" if data else b"221 bye\r\n" if quit_ else b"250 ok\r\n")
            if quit_:
                return


@pytest.fixture
def serve():
    servers = []

    def start(server):
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def work(lab):
    """Give a function that lets a worker make two recordings, one of them bad."""
    lab.Recording.insert([{"file": name, "size": 1} for name in ("bad.dat", "good.dat")])

    def run(*reactions):
        assert 1 == dj.Worker(lab.schema, reactions=reactions).run(until_done=True)
        assert {"error": 1} == {s: n for s, n in lab.Scan.jobs.progress().items() if n and s != "total"}
        for reaction in reactions:
            reaction.delivery.wait(300)

    return run


def test_a_failure_is_posted(lab, work, serve):
    web = serve(Web())
    work(dj.Hook(lab.schema, dj.Webhook(web.url, headers={"Authorization": "secret"}), name="alarm"))
    [(headers, notice)] = web.posts
    assert ("application/json", "secret") == (headers["Content-Type"], headers["Authorization"])
    assert ("failure", "alarm", lab.name) == (notice["what"], notice["name"], notice["schema"])
    assert {"file": "bad.dat"} == notice["key"]
    assert "Scan failed: file=bad.dat: ValueError: cannot read bad.dat" == notice["text"]
    assert "ValueError: cannot read bad.dat" in notice["traceback"]
    [event] = lab.events()
    assert ("failure", f"{lab.name}._scan") == (event["details"]["what"], event["details"]["table"])


def test_success_is_told_to_a_program(lab, work, tmp_path):
    script = "import json, os, sys; json.dump([json.load(sys.stdin), os.environ['DJ_NOTICE_TEXT']], open(sys.argv[1], 'w'))"
    work(dj.Hook(lab.Scan, dj.Command([sys.executable, "-c", script, str(tmp_path / "told")]), on="success"))
    notice, text = json.loads((tmp_path / "told").read_text())
    assert "Scan made: file=good.dat" == text == notice["text"]
    assert f"{lab.name}._scan" == notice["table"]


def test_a_failure_is_mailed(lab, work, serve):
    post = serve(Post())
    work(
        dj.Hook(
            lab.schema,
            dj.Mail(["ada@example.org", "bob@example.org"], sender="dj@example.org", server=post.address),
        )
    )
    [mail] = post.mails
    found = email.message_from_string(mail, policy=email.policy.default)
    assert ("dj@example.org", "ada@example.org, bob@example.org") == (found["From"], found["To"])
    assert found["Subject"].strip().startswith("[datajoint] Scan failed: file=bad.dat")
    assert "cannot read bad.dat" in found.get_content()


def test_a_hook_of_one_table_hears_of_that_table_only(lab, work):
    heard = []
    work(
        dj.Hook(lab.Recording, heard.append, on=["success", "failure"]),
        dj.Hook(lab.Scan, lambda notice: heard.append(notice.what), on=["success", "failure"]),
    )
    assert ["failure", "success"] == sorted(heard)


def test_the_same_failure_is_not_told_again_for_a_while(lab):
    lab.Recording.insert([{"file": f"bad{n}", "size": 1} for n in range(5)])
    heard = []
    hook = dj.Hook(lab.schema, lambda notice: heard.append(notice.what), again=HOUR)
    assert 0 == dj.Worker(lab.schema, reactions=[hook]).run(until_done=True)
    assert ["failure"] == heard


@pytest.fixture
def outdated(lab):
    """Three scans, and what makes some of them stale."""
    schema = lab.schema

    @schema
    class Size(dj.Computed):
        definition = "-> Scan\n---\nsize : int32"

        def make(self, key):
            self.insert1({**key, "size": (lab.Recording & key).fetch1("size")})

    lab.Size = Size
    lab.Recording.insert([{"file": f"{n}.dat", "size": n} for n in (1, 2, 3)])
    schema.populate()
    return lambda *numbers: [lab.Recording.update1({"file": f"{n}.dat", "size": n + 10}) for n in numbers]


@pytest.mark.statement("PRV-7")
def test_rows_that_become_stale_are_told_when_they_are_more(lab, outdated):
    heard = []
    hook = dj.Hook(lab.schema, heard.append, on="stale", every=5)
    assert 5 == pytest.approx(hook.tick(0), abs=60)
    outdated(1)
    hook.tick(0)
    hook.tick(0)
    outdated(2, 3)
    hook.tick(0)
    assert ["Size: 1 row is stale", "Size: 3 rows are stale, 2 more than before"] == [n.text for n in heard]
    assert [("stale", 1, 0), ("stale", 3, 1)] == [
        (n.what, n.details["rows"], n.details["before"]) for n in heard
    ]
    assert (
        "{'file': '1.dat'}: stale: `Recording` {'file': '1.dat'}: `size` 1 → 11"
        in heard[0].details["examples"]
    )
    assert [("stale", f"{lab.name}.__size", 1), ("stale", f"{lab.name}.__size", 3)] == [
        (e["details"]["what"], e["details"]["table"], e["details"]["rows"]) for e in lab.events()
    ]
    assert [f"{lab.name}.__size: 3"] == [mark["label"] for mark in lab.marks()]


@pytest.mark.statement("PRV-7")
def test_stale_rows_are_told_once_also_after_a_restart_and_by_one_of_several(lab, outdated):
    heard = []

    def hook(where=None):
        return dj.Hook(where or lab.Size, heard.append, on=["stale", "failure"])

    outdated(1, 2)
    hook().tick(0)
    hook().tick(0)
    assert 1 == len(heard)
    lab.Size.populate({"file": "1.dat"}, stale=True)
    hook().tick(0)
    assert 1 == len(heard)
    outdated(1)
    lab.Recording.update1({"file": "1.dat", "size": 50})
    hook().tick(0)
    assert ["Size: 2 rows are stale", "Size: 2 rows are stale, 1 more than before"] == [n.text for n in heard]
    lab.Size.populate(stale=True)
    hook().tick(0)
    assert [] == lab.marks()
    outdated(3)
    hook().tick(0)
    assert "Size: 1 row is stale" == heard[-1].text
    assert 3 == len(heard)


@pytest.mark.statement("PRV-7")
def test_a_worker_tells_of_stale_rows_and_makes_them_again(lab, outdated):
    outdated(1, 2)
    heard = []
    hook = dj.Hook(lab.schema, lambda notice: heard.append(notice.text), on="stale")
    assert 2 == dj.Worker(lab.schema, stale=True, reactions=[hook]).run(until_done=True)
    assert ["Size: 2 rows are stale"] == heard
    assert not lab.Size.stale()


def _closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize(
    "do",
    [
        lambda: dj.Webhook(f"http://127.0.0.1:{_closed_port()}/"),
        lambda: dj.Mail("ada@example.org", server=f"127.0.0.1:{_closed_port()}"),
        lambda: dj.Command("datajoint-no-such-program"),
        lambda: dj.Command([sys.executable, "-c", "raise SystemExit('disk full')"]),
        lambda: lambda notice: 1 / 0,
    ],
    ids=["webhook", "mail", "no program", "program", "function"],
)
def test_a_hook_that_fails_disturbs_nothing(lab, work, do, caplog, monkeypatch):
    monkeypatch.setattr(actions, "_PAUSE", 0)
    hook = dj.Hook(lab.schema, do(), name="alarm")
    work(hook)
    assert (1, 1) == (hook.delivery.sent, hook.delivery.failures)
    assert "`alarm`" in caplog.text


@pytest.mark.backends("sqlite")
def test_a_web_server_that_is_busy_is_asked_again_one_that_refuses_is_not(lab, work, serve, monkeypatch):
    monkeypatch.setattr(actions, "_PAUSE", 0)
    web = serve(Web())
    web.answers = [503, 503]
    hook = dj.Hook(lab.schema, dj.Webhook(web.url))
    work(hook)
    assert (3, 0) == (len(web.posts), hook.delivery.failures)
    web.posts.clear()
    web.answers = [404]
    lab.Scan.jobs.retry()
    hook = dj.Hook(lab.schema, dj.Webhook(web.url))
    dj.Worker(lab.schema, reactions=[hook]).run(until_done=True)
    hook.delivery.wait(300)
    assert (1, 1) == (len(web.posts), hook.delivery.failures)


@pytest.mark.backends("sqlite")
def test_what_waits_is_sent_before_the_program_ends(lab, serve):
    web = serve(Web())
    program = f"""
        import datajoint as dj
        from datajoint.reactions.actions import Delivery, Notice
        Delivery(dj.Webhook({web.url!r})).send(Notice("failure", "x", "lab", "hello", {{}}))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=300, env=os.environ)
    assert ["hello"] == [notice["text"] for _, notice in web.posts]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda lab: dj.Hook(lab.schema, print, on="sucess"), "knows no 'sucess'"),
        (lambda lab: dj.Hook(lab.schema, 5), "nothing to be done"),
        (lambda lab: dj.Hook(lab.schema, print, on="stale", every=0), "above 0"),
        (lambda lab: dj.Webhook("ftp://example.org"), "http or https"),
        (lambda lab: dj.Command([]), "needs a program"),
        (lambda lab: dj.Mail([]), "needs an address"),
        (lambda lab: dj.Freshness(lab.Recording, 0, print), "above 0"),
        (lambda lab: dj.Sensor(lab.Recording, ".", None), "needs a function"),
        (lambda lab: dj.Sensor(lab.schema, ".", print).tick(0), "into a table"),
        (lambda lab: dj.Schedule(5, print, every=5).tick(0), "neither a schema nor a table"),
    ],
)
@pytest.mark.backends("sqlite")
def test_what_makes_no_sense_is_refused(lab, make, said):
    with pytest.raises(DataJointError, match=said):
        make(lab)

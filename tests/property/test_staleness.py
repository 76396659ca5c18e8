"""Histories of makes, inserts, updates, deletes, restores in every order: a row that is told fresh is fresh.

What each make has read is kept beside, value by value; asking the same now tells the truth. Writers of two
connections interfere while makes run, with confirmation and without it, for no interleaving may hide a change;
nor may clocks that are wrong, or history that is not kept.
"""

import contextlib
import time
import zlib

import pytest
from hypothesis import given, strategies as st

import datajoint as dj
from datajoint.engine.connection import Connection
from datajoint.engine.observe import unobserved
from datajoint.errors import DataJointError
from datajoint.journal.events import event as events
from datajoint.journal.reads import recording
from datajoint.journal.reads.recording import ReadLog
from datajoint.sql.system_tables.images import shadow_name

SUBJECTS, TRIALS = range(1, 4), range(1, 4)


def listed(rows):
    return sorted(map(repr, rows))


QUESTIONS = {
    "row": lambda t, key: (t["Subject"] & key).to_dicts(),
    "value": lambda t, key: list((t["Subject"] & key).to_arrays("x")),
    "trials": lambda t, key: listed((t["Trial"] & key).to_dicts()),
    "some": lambda t, key: listed((t["Trial"] & key & "rt > 1").keys()),
    "count": lambda t, key: len(t["Trial"] & key),
    "exists": lambda t, key: bool(t["Trial"] & key & "rt > 2"),
    "join": lambda t, key: listed((t["Subject"] * t["Trial"] & key & "x > 0").to_dicts()),
    "semijoin": lambda t, key: listed((t["Trial"] & (t["Subject"] & key & "x > 0")).to_dicts()),
    "antijoin": lambda t, key: listed((t["Trial"] - t["Blocked"] & key).to_dicts()),
    "all but": lambda t, key: listed((t["Subject"] - (t["Trial"] & key)).to_dicts()),
    "first": lambda t, key: (t["Trial"] & key).to_dicts(order_by=["rt", "trial"], limit=1),
    "second": lambda t, key: t["Trial"].to_dicts(order_by=["rt", "KEY"], limit=1, offset=1),
    "sums": lambda t, key: listed(t["Subject"].aggr(t["Trial"], s="sum(rt)", n="count(trial)").to_dicts()),
    "many": lambda t, key: listed((t["Subject"].aggr(t["Trial"], n="count(trial)") & "n < 2").to_dicts()),
    "distinct": lambda t, key: listed((dj.U("rt") & (t["Trial"] & key)).to_dicts()),
    "outer": lambda t, key: listed(t["Subject"].join(t["Blocked"], outer=True).to_dicts()),
    "left": lambda t, key: listed(
        (t["Trial"] & key).join(t["Blocked"].proj(), left=True, allow_nullable_pk=True).to_dicts()
    ),
    "union": lambda t, key: listed(((t["Trial"] & key & "rt > 1") + (t["Trial"] & "trial = 1")).to_dicts()),
    "fixed": lambda t, key: listed((t["Trial"] & {"trial": 2}).to_dicts()),
    "stream": lambda t, key: listed(row for row in t["Trial"] & key),
}  # fmt: skip


@pytest.fixture(scope="session")
def world(open_database):
    """Give tables on two connections, what each make has read, and what is to happen inside the next one."""
    schema = open_database()
    found = World(schema)
    yield found
    found.other.close()


class _Clock:
    """The module `time`, for a clock that is wrong by some seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def time(self):
        return time.time() + self.seconds


class World:
    """The tables, and what makes do in them."""

    def __init__(self, schema):
        self.here = {}
        for name, definition in {
            "Start": "subject : int32",
            "Subject": "-> Start\n---\nx : int32\nnote : int32",
            "Trial": "-> Subject\ntrial : int32\n---\nrt : int32",
            "Blocked": "-> Start\n---\nreason : int32",
        }.items():
            self.here[name] = schema(type(name, (dj.Manual,), {"definition": definition}), context=self.here)
        self.read, self.questions, self.inside = {}, [], None
        world = self

        def make(self, key):
            answers = world.answer(key)
            self.insert1({**key, "y": zlib.crc32(repr(answers).encode()) % 3})  # often as before

        body = {"definition": "-> Start\n---\ny : int32", "make": make, "reuse": False}
        self.fit = schema(type("Fit", (dj.Computed,), body), context=self.here)
        self.here["Start"].insert([{"subject": n} for n in SUBJECTS])
        self.schema, self.connection = schema, schema.connection
        self.other = Connection.of(self.connection.settings, self.connection.config)
        self.there = {n: dj.FreeTable(self.other, t().full_table_name) for n, t in self.here.items()}

        for tables in (self.here, self.there):  # so that their shadows are there
            tables["Subject"].insert1({"subject": 1, "x": 0, "note": 0})
            tables["Trial"].insert1({"subject": 1, "trial": 1, "rt": 0})
            tables["Blocked"].insert1({"subject": 1, "reason": 0})
            self.fit.populate({"subject": 1})
            for table in (tables["Trial"], tables["Subject"], tables["Blocked"], self.fit):
                (table & "1 = 1").delete_quick()
        cleared = [self.fit().name, *(self.here[name]().name for name in ("Trial", "Subject", "Blocked"))]
        ours = (
            dj.FreeTable(self.connection, f"{schema.database}.{name}").name for name in ("~events", "~reads")
        )
        self.cleared = [*cleared, *map(shadow_name, cleared), *ours]

    def clear(self, questions):
        """Leave nothing of the history before: each is on its own, and none is slow for those before it."""
        with self.connection.transaction:
            for name in self.cleared:
                self.connection.query(f"DELETE FROM {self.connection.dialect.table(name)}")
        self.connection.config.provenance.history = "best_effort"
        self.read, self.questions, self.inside = {}, questions, None

    def answer(self, key):
        """Ask all questions, with interference after the first."""
        answers = []
        for name in self.questions:
            answers.append(QUESTIONS[name](self.here, key))
            if self.inside:
                action, self.inside = self.inside, None
                self.act(action, self.there)
        self.read[key["subject"]] = answers
        return answers

    def truth(self, subject):
        return [QUESTIONS[name](self.here, {"subject": subject}) for name in self.questions]

    def act(self, action, tables):
        """Write something; what is refused is not written."""
        kind, subject, trial, value = action
        one, key = {"subject": subject}, {"subject": subject, "trial": trial}
        everybody = [{"subject": n, "x": value, "note": 0} for n in SUBJECTS]
        trials = [{**one, "trial": n, "rt": value} for n in TRIALS]
        subjects, trial_table, blocked = tables["Subject"], tables["Trial"], tables["Blocked"]
        with contextlib.suppress(DataJointError), unobserved():  # nothing that a make does
            {
                "subject": lambda: subjects.insert1({**one, "x": value, "note": 0}),
                "subjects": lambda: subjects.insert(everybody, skip_duplicates=True),
                "trial": lambda: trial_table.insert1({**key, "rt": value}),
                "trials": lambda: trial_table.insert(trials, skip_duplicates=True),
                "x": lambda: subjects.update1({**one, "x": value}),
                "note": lambda: subjects.update1({**one, "note": value}),
                "rt": lambda: trial_table.update1({**key, "rt": value}),
                "replace": lambda: trial_table.insert1({**key, "rt": value}, replace=True),
                "block": lambda: blocked.insert1({**one, "reason": value}),
                "unblock": (blocked & one).delete_quick,
                "no trial": (trial_table & key).delete_quick,
                "no subject": lambda: (subjects & one).delete(prompt=False),
                "forget": lambda: self.forget(trial_table & one),
            }[kind]()

    def restore(self, number):
        """Take back one of the latest changes of what makes read."""
        names = [{"table_name": self.here[name]().table_name} for name in ("Subject", "Trial", "Blocked")]
        kinds = [{"kind": kind} for kind in ("update", "replace", "delete")]
        found = (self.schema.events & names & kinds).to_arrays("event", order_by="event DESC", limit=3)
        with contextlib.suppress(DataJointError):
            if number <= len(found):
                self.schema.restore(int(found[number - 1]))

    def step(self, step, patch):
        """Do one thing."""
        match step:
            case "make", subject, inside:
                self.inside = inside
                self.fit.populate({"subject": subject})
                self.inside = None
            case "renew", inside:
                self.inside = inside
                self.fit.populate(stale=True)
                self.inside = None
            case "unmake", subject:
                (self.fit & {"subject": subject}).delete_quick()
            case "restore", number:
                self.restore(number)
            case "history", mode:
                self.connection.config.provenance.history = mode
            case ("prune",):
                self.schema.prune_history(0)
            case "clock", hours:
                patch.setattr(events, "time", _Clock(3600 * hours))
            case _:
                self.act(step, self.here)

    def forget(self, rows):
        """Make rows those of another program."""
        quote = self.connection.dialect.quote
        for row in rows.to_dicts():
            where = "WHERE subject = %s AND trial = %s"
            text = f"UPDATE {rows.full_table_name} SET {quote('_event')} = NULL {where}"
            self.connection.query(text, [row["subject"], row["trial"]])


KINDS = [
    "subject", "subjects", "trial", "trials", "x", "note", "rt", "replace", "block", "unblock", "no trial",
    "no subject", "forget",
]  # fmt: skip
ACTIONS = st.tuples(
    st.sampled_from(KINDS), st.sampled_from(SUBJECTS), st.sampled_from(TRIALS), st.integers(1, 3)
)
STEPS = st.one_of(
    ACTIONS,
    st.tuples(st.just("make"), st.sampled_from(SUBJECTS), st.one_of(st.none(), ACTIONS)),
    st.tuples(st.just("unmake"), st.sampled_from(SUBJECTS)),
    st.tuples(st.just("renew"), st.one_of(st.none(), ACTIONS)),
    st.tuples(st.just("restore"), st.integers(1, 3)),
    st.tuples(st.just("history"), st.sampled_from(["off", "best_effort"])),
    st.just(("prune",)),
    st.tuples(st.just("clock"), st.integers(-2, 2)),
)


@given(
    questions=st.lists(st.sampled_from(sorted(QUESTIONS)), min_size=1, max_size=3),
    start=st.lists(ACTIONS, max_size=6),
    steps=st.lists(STEPS, min_size=1, max_size=8),
    confirmed=st.booleans(),
    digests=st.booleans(),
)
def test_no_history_makes_a_row_falsely_fresh_or_stale(world, questions, start, steps, confirmed, digests):
    world.clear(questions)
    for action in start:
        world.act(action, world.here)
    with pytest.MonkeyPatch.context() as patch:
        if not digests:
            patch.setattr(recording, "_FEW", 0)
        if not confirmed:
            patch.setattr(ReadLog, "confirm", lambda *_: False)
            patch.setattr(ReadLog, "guards", lambda *_: [])
        for step in steps:
            world.step(step, patch)
    check(world, digests)


def check(world, digests):
    told = {row.key["subject"]: row for row in world.fit.stale().reasons()}
    for subject in world.fit.to_arrays("subject"):
        changed = world.truth(subject) != world.read[subject]
        row = told.get(subject)
        if changed:
            assert row is not None, (subject, world.read[subject])
            assert row.state != "unknown", str(row)
        elif digests:
            assert row is None, str(row)

"""Histories with populate in between: reusing earlier results gives the tables that computing gives."""

import pytest
from hypothesis import event, given, strategies as st

import datajoint as dj
from datajoint.journal.images import shadow_of
from datajoint.sql.system_tables.images import shadow_name

SUBJECTS, TRIALS = (1, 2, 3), (1, 2)


@pytest.fixture(scope="session")
def world(open_database):
    """Give tables, what they are to hold, and what each make has seen."""
    return World(open_database())


class World:
    """Inputs as the test knows them, and tables computed from them."""

    def __init__(self, schema):
        self.schema, world = schema, self
        tables = {}

        @schema
        class Subject(dj.Manual):
            definition = "subject : int32\n---\nx : int32\nnote : int32"

        tables["Subject"] = Subject

        class Trial(dj.Manual):
            definition = "-> Subject\ntrial : int32\n---\nrt : int32"

        self.subject, self.trial = Subject, schema(Trial, context=tables)

        class Fit(dj.Computed):
            definition = "-> Subject\n---\ny : int32"
            make_version = "1"

            class Cell(dj.Part):
                definition = "-> master\ntrial : int32\n---\nz : int32"

            def make(self, key):
                x = (Subject & key).fetch1("x")
                trials = (world.trial & key).to_dicts()
                version = int(type(self).make_version)
                self.insert1({**key, "y": version * (x + len(trials))})
                self.Cell.insert([{**key, "trial": row["trial"], "z": x + row["rt"]} for row in trials])

        tables["Fit"] = self.fit = schema(Fit, context=tables)

        class Sum(dj.Computed):
            definition = "-> Fit\n---\nz : int32"
            make_version = "1"

            def make(self, key):
                count, y = len(world.fit.Cell & key), (world.fit & key).fetch1("y")
                self.insert1({**key, "z": count * y})

        self.sum = schema(Sum, context=tables)
        for table in (self.subject, self.trial, self.fit, self.fit.Cell, self.sum):
            shadow_of(schema.connection, table().name)
        self.clear()

    def clear(self):
        """Empty the tables, and forget their history, so that a failure can be repeated."""
        for table in (self.sum, self.fit.Cell, self.fit, self.trial, self.subject):
            table().delete_quick()
            dj.FreeTable(self.schema.connection, shadow_name(table().name)).delete_quick()
        self.fit.make_version = "1"
        self.x, self.rt = {}, {}
        self.seen, self.fits, self.sums = {}, {}, {}

    # ---------------------------------------------------------------------------------- what is to be

    def inputs(self, subject):
        """What a make reads now."""
        trials = {t: rt for (s, t), rt in self.rt.items() if s == subject}
        return int(self.fit.make_version), self.x[subject], trials

    def expect(self, subjects):
        for subject in subjects:
            if subject in self.x and subject not in self.fits:
                self.seen[subject] = version, x, trials = self.inputs(subject)
                cells = {t: x + rt for t, rt in trials.items()}
                self.fits[subject] = version * (x + len(trials)), cells
            if subject in self.fits and subject not in self.sums:
                y, cells = self.fits[subject]
                self.sums[subject] = y * len(cells)

    def check(self):
        fits = dict(zip(*self.fit.to_arrays("subject", "y"), strict=True))
        assert {s: y for s, (y, _) in self.fits.items()} == fits
        cells = {(row["subject"], row["trial"]): row["z"] for row in self.fit.Cell.to_dicts()}
        assert {(s, t): z for s, (_, some) in self.fits.items() for t, z in some.items()} == cells
        assert self.sums == dict(zip(*self.sum.to_arrays("subject", "z"), strict=True))
        told = {row.key["subject"] for row in self.fit.stale().reasons()}
        assert {s for s in self.fits if self.seen[s] != self.inputs(s)} == told

    # --------------------------------------------------------------------------------------- what is done

    def act(self, kind, subject, trial, value, reuse):
        """Do something, unless it makes no sense now."""
        key, both = {"subject": subject}, {"subject": subject, "trial": trial}
        if kind in ("trial", "x", "note", "back") and subject not in self.x:
            kind = "subject"
        elif kind == "subject" and subject in self.x:
            kind = "x"
        {
            "subject": lambda: self.add(subject, value, {}),
            "trial": lambda: self.add_trials(subject, {trial: value}),
            "x": lambda: self.change(key, x=value),
            "note": lambda: self.change(key, note=value),
            "no trial": lambda: self.remove(self.trial & both),
            "no subject": lambda: self.remove(self.subject & key),
            "no fit": lambda: self.remove(self.fit & key),
            "back": lambda: self.bring_back(subject),
            "code": lambda: setattr(self.fit, "make_version", str(value)),
            "prune": lambda: self.schema.prune_history(0),
            "populate": lambda: self.populate([key], [subject], reuse),
            "all": lambda: self.populate([], SUBJECTS, reuse),
            "again": self.renew,
        }[kind]()

    def add(self, subject, x, trials):
        self.subject.insert1({"subject": subject, "x": x, "note": 0})
        self.x[subject] = x
        self.add_trials(subject, trials)

    def add_trials(self, subject, trials):
        rows = [{"subject": subject, "trial": t, "rt": rt} for t, rt in trials.items()]
        self.trial.insert(rows, replace=True)
        self.rt |= {(subject, t): rt for t, rt in trials.items()}

    def change(self, key, **values):
        self.subject.update1({**key, **values})
        self.x[key["subject"]] = values.get("x", self.x[key["subject"]])

    def remove(self, rows):
        rows.delete(prompt=False)
        self.x = dict(zip(*self.subject.to_arrays("subject", "x"), strict=True))
        self.rt = {(row["subject"], row["trial"]): row["rt"] for row in self.trial.to_dicts()}
        left = set(self.fit.to_arrays("subject"))
        self.fits = {s: made for s, made in self.fits.items() if s in left}
        self.sums = {s: made for s, made in self.sums.items() if s in left}

    def bring_back(self, subject):
        _, x, trials = self.inputs(subject)
        self.remove(self.subject & {"subject": subject})
        self.add(subject, x, trials)

    def populate(self, given, subjects, reuse):
        for table in (self.fit, self.sum):
            made = table.populate(*given, reuse=reuse)
            event(f"reused {min(made.get('reused_count', 0), 2)}")
        self.expect(subjects)

    def renew(self):
        """Make what is stale again; sums stay, as they are not looked at."""
        self.fit.populate(stale=True)
        for subject in list(self.fits):
            sums = self.sums.pop(subject, None)
            del self.fits[subject]
            self.expect([subject])
            self.sums.pop(subject, None)
            if sums is not None:
                self.sums[subject] = sums


KINDS = [
    "subject", "trial", "x", "note", "no trial", "no subject", "no fit", "no fit", "code", "prune", "populate", "again",
    *["back"] * 4, *["all"] * 6,
]  # fmt: skip
ACTIONS = st.tuples(
    st.sampled_from(KINDS), st.sampled_from(SUBJECTS), st.sampled_from(TRIALS), st.integers(1, 2)
)
STARTS = st.dictionaries(
    st.sampled_from(SUBJECTS), st.dictionaries(st.sampled_from(TRIALS), st.integers(1, 2)), min_size=1
)


@given(
    start=STARTS, steps=st.lists(ACTIONS, min_size=3, max_size=12), reuse=st.sampled_from([True, True, False])
)
def test_reusing_gives_what_computing_gives(world, start, steps, reuse):
    world.clear()
    for subject, trials in start.items():
        world.add(subject, 1, trials)
    world.populate([], SUBJECTS, reuse)
    for step in steps:
        world.act(*step, reuse)
        world.check()

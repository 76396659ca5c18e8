"""What users write, as pyright and mypy read it; nothing here is run."""

from collections.abc import Iterator
from typing import Any, assert_type

import datajoint as dj
from datajoint.compute.populate import PopulateResult
from datajoint.query.expression import QueryExpression

schema = dj.Schema("lab")


@schema
class Subject(dj.Manual):
    definition = """
    subject_id : int32
    ---
    species : varchar(20)
    weight=null : float64
    """
    checks = [dj.Check("heavy", "weight > 1"), dj.Check("few", lambda rows: len(rows) < 100, severity="warn")]


@schema
class Method(dj.Lookup):
    definition = "method : varchar(20)"
    contents = [{"method": "mean"}, {"method": "median"}]


@schema
class Session(dj.Manual):
    definition = """
    -> Subject
    session : int16
    """

    def label(self) -> str:
        return f"{self.class_name}: {len(self)}"


@schema
class Fit(dj.Computed):
    definition = """
    -> Session
    -> Method
    ---
    score : float64
    """

    class Peak(dj.Part):
        definition = """
        -> master
        peak : int16
        """

    @property
    def key_source(self) -> Any:
        return Session * Method & "session > 0"

    def make(self, key: dict[str, Any]) -> None:
        row = (Session & key).fetch1()
        self.insert1({**row, "score": 0.5})
        self.Peak.insert({**key, "peak": n} for n in range(3))


class Sized(dj.Imported):
    definition = "-> Session"
    key_source = Session & "session < 9"

    def make(self, key: dict[str, Any]) -> None:
        self.insert1(key)


# ------------------------------------------------------------------------------- writing: class and instance

Subject.insert1({"subject_id": 1, "species": "mouse"})
Subject().insert([{"subject_id": 2, "species": "rat"}], skip_duplicates=True)
Subject.update1({"subject_id": 1, "weight": 20.5})
assert_type(Subject.delete(prompt=False), int)
assert_type((Subject & "subject_id = 1").delete(), int)
assert_type(Subject.validate([{"subject_id": 1}]).is_valid, bool)
assert_type(all(Subject.run_checks()), bool)

# --------------------------------------------------------------------------------------------- expressions

key = {"subject_id": 1}
assert_type(Session & key, Session)
assert_type(Session() & key & "session > 1", Session)
assert_type(Session - Fit, Session)
assert_type((Session & key).label(), str)
assert_type(Session * Subject, QueryExpression)
assert_type((Session & key) * Subject.proj("species"), QueryExpression)
assert_type(Session.proj(...) + Session.proj(), QueryExpression)
assert_type(Subject.aggr(Session, n="count(session)") & "n > 2", QueryExpression)
assert_type(dj.U("species").aggr(Subject, n="count(subject_id)"), QueryExpression)
assert_type(Session & [key, dj.Not("session > 1"), dj.AndList([key])] & dj.Top(5), Session)
assert_type(Session.restrict(key), Session)
assert_type(len(Session), int)
assert_type(len(Session & key), int)
assert_type(key in Session, bool)
assert_type(bool(Session & key), bool)
for row in Session:
    assert_type(row, dict[str, Any])
rows: Iterator[dict[str, Any]] = iter(Session & key)

# ---------------------------------------------------------------------------------------------------- rows

assert_type(Subject.to_dicts(order_by="KEY", limit=5), list[dict[str, Any]])
assert_type((Subject * Session).keys(), list[dict[str, Any]])
assert_type((Subject & key).fetch1(), dict[str, Any])
assert_type((Subject & key).fetch1("weight", "species"), tuple[Any, ...])
weight: float = (Subject & key).fetch1("weight")
species, weight = (Subject & key).fetch1("species", "weight")
frame = Subject.to_pandas()
names = list(Subject.to_polars().columns)
assert_type(Subject.head(3), list[dict[str, Any]])
assert_type(Subject.primary_key, list[str])
assert_type(Subject.heading.secondary_attributes, list[str])

# ------------------------------------------------------------------------------------------------ computing

assert_type(Fit.populate(key, max_calls=3, suppress_errors=True), PopulateResult)
assert_type(Fit.populate()["success_count"], int)
for failed_key, _ in Fit.populate(suppress_errors=True)["error_list"]:
    assert_type(failed_key, dict[str, Any])
pair: tuple[int, int] = Fit.progress()
assert_type(Fit.progress(stale=True).stale, int | None)
Fit.Peak.to_dicts()
remaining, total = Fit().progress(display=True)

# -------------------------------------------------------------------------------------------------- schemas

assert_type(schema.list_tables(), list[str])
schema.grant("ann", "reader")
assert_type(dj.can("ann", Session).insert, bool)
module = dj.VirtualModule("lab", "lab")
table = dj.FreeTable(dj.conn(), "lab.subject")
assert_type((table & key).fetch1(), dict[str, Any])
assert_type(dj.config.safemode, Any)
print(dj.Diagram(schema) + 1, dj.__version__)

"""Rights given by level, with real users (ACC-3)."""

from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import AccessError, DataJointError

pytestmark = pytest.mark.backends("postgresql", "mysql")


def tables(schema: Any) -> Any:
    """Declare, or attach to, a table of each tier."""

    @schema
    class Subject(dj.Manual):
        definition = """
        subject_id : int32
        ---
        name='' : varchar(20)
        """

        class Ear(dj.Part):
            definition = "-> master\near : int8"

    @schema
    class Method(dj.Lookup):
        definition = "method : int8"
        contents = ({"method": 1},)

    @schema
    class Fit(dj.Computed):
        definition = """
        -> Subject
        -> Method
        ---
        score : float64
        """

        class Peak(dj.Part):
            definition = "-> master\npeak : int8"

        def make(self, key):
            self.insert1({**key, "score": 0.5})
            self.Peak.insert({**key, "peak": n} for n in range(2))

    return Subject, Method, Fit


@pytest.fixture
def lab(schema: Any) -> Any:
    subject, method, fit = tables(schema)
    subject.insert([{"subject_id": n} for n in range(3)])
    fit.populate({"subject_id": 0})
    return subject, method, fit


@pytest.fixture
def enter(lab: Any, schema: Any, new_user: Any, connect: Any) -> Any:
    """Give a function: levels → what a new user with them may use, and the user."""

    def open_as(*levels: str) -> Any:
        user = new_user()
        for level in levels:
            schema.grant(user.name, level)
        return tables(connect(**user.login).Schema(schema.database)), user

    return open_as


def allowed(may: Any) -> set[str]:
    return {name for name in ("read", "insert", "update", "delete", "populate", "declare") if may.may(name)}


@pytest.mark.statement("ACC-3")
def test_a_reader_reads(enter: Any, lab: Any) -> None:
    (subject, _, fit), user = enter("reader")
    assert 3 == len(subject())
    assert 2 == len(fit.Peak())
    assert 0 == fit.jobs.progress()["total"]  # nobody has made a queue
    for attempt in (
        lambda: subject.insert1({"subject_id": 9}),
        lambda: subject.update1({"subject_id": 1, "name": "x"}),
        (subject & "subject_id = 2").delete,
    ):
        with pytest.raises(AccessError):
            attempt()
    assert {"read"} == allowed(dj.can(user.name, lab[0])) == allowed(dj.can(None, subject))
    assert 3 == len(subject())


@pytest.mark.statement("ACC-3", "POP-26", "PRV-6")
def test_a_reader_verifies_and_asks_where_rows_come_from(enter: Any, lab: Any, schema: Any) -> None:
    (_, _, fit), _ = enter("reader")
    before = len(schema.events)
    report = fit.verify()
    assert report, report
    assert 1 == len(report)
    assert before == len(schema.events)  # which a reader may not write
    [row] = fit.lineage()
    assert ["Subject", "Method"] == [source.name for source in row.sources]
    assert "fresh, known in part" == fit.why().rows[0].state


@pytest.mark.statement("ACC-3")
def test_a_writer_enters_and_does_not_populate(enter: Any, lab: Any, schema: Any) -> None:
    (subject, method, fit), user = enter("writer")
    subject.insert1({"subject_id": 9})
    subject.insert([{"subject_id": n} for n in range(7, 60)], skip_duplicates=True)
    subject.insert([{"subject_id": n, "name": "new"} for n in range(30)], replace=True)
    subject.Ear.insert1({"subject_id": 9, "ear": 1})
    subject.update1({"subject_id": 1, "name": "x"})
    with pytest.raises(AccessError):
        fit.populate({"subject_id": 1})
    with pytest.raises(AccessError):
        method.insert1({"method": 2})
    with pytest.raises(AccessError):
        (subject & "subject_id = 0").delete()
    assert 1 == len(fit())
    may = dj.can(user.name, lab[0])
    assert {"read", "insert", "update"} == allowed(may)
    assert (
        f"DELETE on `{schema.database}.__fit`",
        f"DELETE on `{schema.database}.__fit__peak`",
    ) == may.missing["delete"]
    assert (
        f"insert   yes\n  update   yes\n  delete   no: DELETE on `{schema.database}.__fit`, DELETE on"
        in str(may)
    )
    assert {"read", "insert", "update", "delete"} == allowed(dj.can(user.name, lab[0].Ear))
    subject.Ear().delete(part_integrity="ignore")
    assert {"read"} == allowed(dj.can(user.name, lab[2]))


@pytest.mark.statement("ACC-3", "POP-1")
def test_a_computer_populates_and_does_not_enter(enter: Any, lab: Any) -> None:
    (subject, _, fit), user = enter("computer")
    assert 2 == fit.populate()["success_count"]
    assert 6 == len(fit.Peak())
    (fit & "subject_id = 1").delete()
    assert 2 == len(fit())
    with pytest.raises(AccessError):
        subject.insert1({"subject_id": 9})
    assert {"read", "insert", "update", "delete", "populate"} == allowed(dj.can(user.name, lab[2]))
    assert {"read"} == allowed(dj.can(user.name, lab[0]))


@pytest.mark.statement("ACC-3")
def test_an_admin_declares_and_both_levels_add_up(enter: Any, lab: Any, schema: Any, connect: Any) -> None:
    (subject, _, fit), user = enter("admin")
    again = connect(**user.login).Schema(schema.database)

    @again
    class Later(dj.Manual):
        definition = "later : int8"

    Later.insert1({"later": 1})
    subject.insert1({"subject_id": 9})
    assert {"read", "insert", "update", "delete", "populate", "declare"} == allowed(dj.can(user.name, lab[2]))
    (subject, _, fit), user = enter("writer", "populate")
    subject.insert1({"subject_id": 10})
    fit.populate()
    (subject & "subject_id = 10").delete()
    assert {"read", "insert", "update", "delete", "populate"} == allowed(dj.can(user.name, lab[2]))


@pytest.mark.statement("ACC-3")
def test_rights_are_taken_away(enter: Any, lab: Any, schema: Any, connect: Any) -> None:
    _, user = enter("writer", "computer")
    schema.revoke(user.name, "computer")
    assert {"read"} == allowed(dj.can(user.name, lab[2]))
    assert {"read", "insert", "update"} == allowed(dj.can(user.name, lab[0]))
    schema.revoke(user.name, "writer")
    assert {"read"} == allowed(dj.can(user.name, lab[0]))
    may = dj.can(user.name, lab[0])
    assert f"INSERT on `{schema.database}.~events`" in may.missing["insert"]
    schema.revoke(user.name)
    assert set() == allowed(dj.can(user.name, lab[0]))
    schema.grant(user.name, "admin")
    schema.revoke(user.name)
    assert set() == allowed(dj.can(user.name, lab[0]))
    schema.revoke(user.name)


@pytest.mark.statement("ACC-3")
def test_rights_through_a_role(lab: Any, schema: Any, new_user: Any, administer: Any, connect: Any) -> None:
    user, role = new_user(), f"{schema.database[:12]}_role"
    administer(f"create role {role}")
    try:
        schema.grant(role, "writer")
        account = user.name if user.postgresql else f"{user.name}@'%'"
        administer(f"grant {role} to {account}")
        if not user.postgresql:
            assert set() == allowed(dj.can(user.name, lab[0]))  # a role has to be active
            administer(f"set default role {role} for {account}")
        assert {"read", "insert", "update"} == allowed(dj.can(user.name, lab[0]))
        tables(connect(**user.login).Schema(schema.database))[0].insert1({"subject_id": 50})
    finally:
        schema.revoke(role)
        administer(f"drop role {role}")


@pytest.mark.statement("ACC-3", "ACC-1")
def test_who_may_not_give_rights(enter: Any, schema: Any, connect: Any) -> None:
    _, user = enter("writer")
    with pytest.raises(AccessError):
        connect(**user.login).Schema(schema.database).grant(user.name, "admin")
    for attempt, told in (
        (
            lambda: schema.grant(user.name, "writter"),
            "`writter` is no level of rights.\nDid you mean `writer`?",
        ),
        (lambda: dj.can(user.name, 5), "can takes a table"),
    ):
        with pytest.raises(DataJointError) as caught:
            attempt()
        assert told in str(caught.value)
    with schema.connection.transaction, pytest.raises(DataJointError, match="inside a transaction"):
        schema.grant(user.name, "reader")


@pytest.mark.statement("ACC-3")
def test_an_unknown_user(lab: Any, schema: Any) -> None:
    for attempt in (lambda: schema.grant("djt_nobody", "reader"), lambda: dj.can("djt_nobody", lab[0])):
        with pytest.raises(DataJointError, match="no user or role `djt_nobody`"):
            attempt()

"""Deleting rows with what depends on them, and dropping tables: DEL."""

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

import datajoint as dj


def put(table: Any, rows: list[Any]) -> None:
    """Insert rows given by their values in order."""
    names = table.heading.names
    table.insert([dict(zip(names, row, strict=False)) for row in rows])


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a function that lets a terminal answer; an exception as answer is raised."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def give(*answers: Any) -> None:
        waiting = list(answers)

        def read(prompt: str = "") -> str:
            found = waiting.pop(0)
            if isinstance(found, BaseException):
                raise found
            return str(found() if callable(found) else found)

        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr("builtins.input", read)

    return give


class Lab:
    """A pipeline of two schemas with references of every kind."""

    def __init__(self, schema: Any, other: Any) -> None:
        @schema
        class Subject(dj.Manual):
            definition = """
            subject : int32
            ---
            species : varchar(20)
            """

        @schema
        class Rig(dj.Lookup):
            definition = "rig : int16"

        @schema
        class Session(dj.Manual):
            definition = """
            -> Subject
            session : int16
            ---
            -> [nullable] Rig
            """

            class Trial(dj.Part):
                definition = """
                -> master
                trial : int16
                """

            class Mark(dj.Part):
                definition = """
                -> master
                mark : int16
                ---
                -> [nullable] Rig
                """

        @other
        class Pair(dj.Manual):
            definition = """
            -> Subject.proj(first='subject')
            -> Subject.proj(second='subject')
            """

        @other
        class Score(dj.Manual):
            definition = """
            score : int32
            ---
            -> Session.Trial
            """

        @other
        class Review(dj.Manual):
            definition = "-> Score"

        self.schema, self.other = schema, other
        self.Subject, self.Rig, self.Session, self.Pair = Subject, Rig, Session, Pair
        self.Score, self.Review = Score, Review

    def fill(self) -> "Lab":
        """Three subjects with two sessions of two trials each."""
        put(self.Subject, [(1, "mouse"), (2, "rat"), (3, "mouse")])
        put(self.Rig, [(1,), (2,)])
        sessions = [(s, n, n if s < 3 else None) for s in (1, 2, 3) for n in (1, 2)]
        put(self.Session, sessions)
        put(self.Session.Trial, [(s, n, t) for s, n, _ in sessions for t in (1, 2)])
        put(self.Session.Mark, [(s, n, 1, None) for s, n, _ in sessions])
        put(self.Pair, [(1, 2), (2, 3), (3, 3)])
        put(self.Score, [(10 * s + t, s, 1, t) for s in (1, 2, 3) for t in (1, 2)])
        put(self.Review, [(11,), (21,), (31,)])
        return self

    def counts(self) -> dict[str, int]:
        """Number of rows by class."""
        tables = {
            "Subject": self.Subject, "Session": self.Session, "Trial": self.Session.Trial,
            "Mark": self.Session.Mark, "Pair": self.Pair, "Score": self.Score, "Review": self.Review,
        }  # fmt: skip
        return {name: len(table()) for name, table in tables.items()}


FULL = {"Subject": 3, "Session": 6, "Trial": 12, "Mark": 6, "Pair": 3, "Score": 6, "Review": 3}


@pytest.fixture
def lab(instance: Any, schema_name: Callable[..., str]) -> Lab:
    """The pipeline, filled."""
    return Lab(instance.Schema(schema_name()), instance.Schema(schema_name("other"))).fill()


@pytest.mark.statement("DEL-1", "FK-13")
def test_delete_takes_what_depends_on_the_rows(lab: Lab) -> None:
    assert 1 == (lab.Subject & {"subject": 1}).delete()
    expected = {"Subject": 2, "Session": 4, "Trial": 8, "Mark": 4, "Pair": 2, "Score": 4, "Review": 2}
    assert expected == lab.counts()


@pytest.mark.statement("DEL-1")
def test_delete_by_other_attributes(lab: Lab) -> None:
    assert 2 == (lab.Subject & "species = 'mouse'").delete()
    expected = {"Subject": 1, "Session": 2, "Trial": 4, "Mark": 2, "Pair": 0, "Score": 2, "Review": 1}
    assert expected == lab.counts()


@pytest.mark.statement("DEL-1")
def test_delete_of_everything(lab: Lab) -> None:
    assert 3 == lab.Subject.delete()
    assert dict.fromkeys(FULL, 0) == lab.counts()
    assert 0 == lab.Subject.delete()


@pytest.mark.statement("DEL-1")
def test_delete_leaves_one_event_with_its_steps(lab: Lab, instance: Any) -> None:
    (lab.Subject & {"subject": 1}).delete()
    events = [
        instance.FreeTable(f"{schema.database}.~events") & {"kind": "delete"}
        for schema in (lab.schema, lab.other)
    ]
    whole = [(table & "parent is null").to_dicts() for table in events]
    assert whole[0][0]["event"] == whole[1][0]["event"]
    steps = {
        row["table_name"]: row["row_count"]
        for table in events
        for row in (table & "parent is not null").to_dicts()
    }
    expected = {
        "subject": 1,
        "session": 2,
        "session__trial": 4,
        "session__mark": 2,
        "pair": 1,
        "score": 2,
        "review": 1,
    }
    assert expected == steps


@pytest.mark.statement("DEL-1", "DEL-11")
def test_delete_restricted_by_a_descendant(lab: Lab) -> None:
    assert 1 == (lab.Subject & (lab.Session & "rig is null")).delete()
    assert [1, 2] == list(lab.Subject.to_arrays("subject", order_by="subject"))
    assert 1 == (lab.Subject & (lab.Pair.proj(subject="first", other="second") & "other = 2")).delete()
    assert [2] == list(lab.Subject.to_arrays("subject"))


@pytest.mark.statement("DEL-1", "DEL-11")
def test_delete_restricted_by_antijoin_aggregate_and_itself(lab: Lab) -> None:
    assert 1 == (lab.Subject - lab.Pair.proj(subject="second")).delete()
    (lab.Session & {"subject": 2, "session": 1}).delete()
    few = lab.Subject.aggr(lab.Session, n="count(session)") & "n = 1"
    assert 1 == (lab.Subject & few).delete()
    same = lab.Subject & lab.Subject.proj(kind="species")
    assert 1 == same.delete()


@pytest.mark.statement("DEL-1", "QRY-12")
def test_dict_of_unknown_names_deletes_nothing(lab: Lab, instance: Any) -> None:
    instance.config["query.unknown_names"] = "warn"
    for typo in (
        {"subjct": 1},
        [{"subject": 1}, {"subjct": 1}],
        dj.AndList([{"subjct": 1}]),
        {"a": 1, "b": None},
    ):
        with pytest.warns(dj.errors.DataJointWarning, match="restricts nothing"):
            acts = (lab.Subject & typo).delete, (lab.Review & {"subjct": 1}).delete_quick
        for act in acts:
            with pytest.raises(dj.errors.UnknownAttributeError, match=r"`subjct`|`a` and `b`"):
                act()
    with pytest.warns(dj.errors.DataJointWarning, match="restricts nothing"):
        rows, others = lab.Subject & (lab.Session & {"subjct": 1}), lab.Subject - {"subjct": 1}
    with pytest.raises(dj.errors.UnknownAttributeError, match="subjct"):
        rows.delete()
    assert FULL == lab.counts()
    assert 0 == others.delete()
    assert 1 == (lab.Subject & {"subject": 1, "session": 3}).delete()
    assert 2 == (lab.Subject & {}).delete()


@pytest.mark.statement("DEL-2")
def test_question_lists_tables_and_rows(lab: Lab, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answer("no", "", "y", "y", "n", "y", "yes")  # y is asked again
    one = lab.Subject & {"subject": 1}
    for _ in range(3):
        assert 0 == one.delete(prompt=True)
    assert FULL == lab.counts()
    shown = capsys.readouterr().out
    assert f"  4  {lab.schema.database}.session__trial\n" in shown
    assert f"  1  {lab.other.database}.review\n" in shown
    assert 3 == shown.count("Nothing was changed.\n")
    assert 1 == one.delete(prompt=True)
    assert 2 == len(lab.Subject())


@pytest.mark.statement("DEL-2")
def test_safemode_asks(lab: Lab, answer: Any, instance: Any) -> None:
    answer("no")
    with instance.config.override(safemode=True):
        assert 0 == lab.Subject.delete()
        assert 3 == lab.Subject.delete(prompt=False)


@pytest.mark.statement("DEL-2")
def test_no_answer_can_be_read(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    with pytest.raises(dj.DataJointError, match=r"prompt=False.*safemode"):
        lab.Subject.delete(prompt=True)
    assert FULL == lab.counts()


@pytest.mark.statement("DEL-2")
def test_interrupt_at_the_question(lab: Lab, answer: Any, instance: Any) -> None:
    answer(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        lab.Subject.delete(prompt=True)
    assert not instance.connection.in_transaction
    put(lab.Subject, [(4, "cat")])
    assert 4 == len(lab.Subject())


@pytest.mark.statement("DEL-2")
def test_no_transaction_waits_for_the_answer(lab: Lab, answer: Any, instance: Any) -> None:
    seen: list[bool] = []

    def look() -> str:
        seen.append(instance.connection.in_transaction)
        return "no"

    answer(look)
    lab.Subject.delete(prompt=True)
    assert [False] == seen


@pytest.mark.statement("DEL-2")
def test_rows_that_change_while_one_thinks_are_shown_again(
    lab: Lab, answer: Any, connect: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def meanwhile() -> str:
        table = connect().FreeTable(f"{lab.other.database}.review")
        put(table, [(12,)])
        return "yes"

    answer(meanwhile, "no")
    assert 0 == (lab.Subject & {"subject": 1}).delete(prompt=True)
    assert {**FULL, "Review": 4} == lab.counts()
    assert "changed" in capsys.readouterr().out


@pytest.mark.statement("DEL-3")
def test_rows_with_empty_references_stay(lab: Lab) -> None:
    lab.Session.Mark.delete(part_integrity="ignore")
    assert 2 == lab.Rig.delete()
    assert [(3, 1, None), (3, 2, None)] == [
        tuple(row.values()) for row in lab.Session.to_dicts(order_by="KEY")
    ]


@pytest.mark.statement("DEL-3")
@pytest.mark.parametrize(("subject", "left"), [(1, [(2, 3), (3, 3)]), (3, [(1, 2)])])
def test_several_renamed_references_are_followed_each(lab: Lab, subject: int, left: list[Any]) -> None:
    (lab.Subject & {"subject": subject}).delete()
    assert left == [tuple(row.values()) for row in lab.Pair.to_dicts(order_by="KEY")]


@pytest.mark.statement("DEL-3")
def test_equal_names_that_are_not_the_reference_do_not_match(schema: Any) -> None:
    @schema
    class Person(dj.Manual):
        definition = """
        person : int32
        ---
        age : int16
        """

    @schema
    class Visit(dj.Manual):
        definition = """
        -> Person.proj(host='person')
        person : int32
        ---
        age : int16
        """

    put(Person, [(1, 30), (2, 40)])
    put(Visit, [(1, 2, 40), (2, 1, 30)])
    (Person & {"person": 1}).delete()
    (Person & "age = 30").delete()
    assert [{"host": 2, "person": 1, "age": 30}] == Visit.to_dicts()


@pytest.mark.statement("DEL-3")
def test_references_of_a_table_to_itself(schema: Any) -> None:
    @schema
    class Person(dj.Manual):
        definition = """
        person : int32
        ---
        -> [nullable] Person.proj(boss='person')
        """

    @schema
    class Desk(dj.Manual):
        definition = "-> Person"

    for row in [(1, None), (2, 1), (3, 2), (4, 2), (5, None), (6, 5)]:
        put(Person, [row])
    put(Desk, [(n,) for n in range(1, 7)])
    assert 4 == (Person & {"person": 1}).delete()
    assert [5, 6] == list(Person.to_arrays("person", order_by="person"))
    assert [5, 6] == list(Desk.to_arrays("person", order_by="person"))


@pytest.mark.statement("DEL-4")
def test_delete_from_a_part(lab: Lab) -> None:
    one = lab.Session.Trial & {"subject": 1, "session": 1, "trial": 1}
    with pytest.raises(dj.DataJointError, match="part"):
        one.delete()
    assert FULL == lab.counts()
    assert 1 == one.delete(part_integrity="ignore")
    assert {**FULL, "Trial": 11, "Score": 5, "Review": 2} == lab.counts()
    two = lab.Session.Trial & {"subject": 2, "session": 1, "trial": 2}
    assert 2 == two.delete(part_integrity="cascade")
    assert {
        "Subject": 3,
        "Session": 5,
        "Trial": 9,
        "Mark": 5,
        "Pair": 3,
        "Score": 3,
        "Review": 1,
    } == lab.counts()


@pytest.mark.statement("DEL-4")
def test_unknown_part_integrity(lab: Lab) -> None:
    with pytest.raises(ValueError, match="part_integrity"):
        lab.Subject.delete(part_integrity="x")


@pytest.mark.statement("DEL-5")
def test_parts_of_other_masters_are_not_taken_alone(lab: Lab) -> None:
    put(lab.Session.Mark, [(3, 1, 2, 2)])
    with pytest.raises(dj.DataJointError, match="master"):
        (lab.Rig & {"rig": 2}).delete()
    assert {**FULL, "Mark": 7} == lab.counts()
    assert 1 == (lab.Rig & {"rig": 1}).delete()
    assert 1 == (lab.Rig & {"rig": 2}).delete(part_integrity="cascade")
    assert [(3, 2)] == [tuple(row.values()) for row in lab.Session.proj().to_dicts()]


@pytest.mark.statement("DEL-5")
def test_parts_are_judged_by_row(lab: Lab) -> None:
    put(lab.Session.Mark, [(1, 2, 2, 2)])  # its session has rig 2, too: nothing goes without its master
    assert 1 == (lab.Rig & {"rig": 2}).delete()
    assert 4 == len(lab.Session())


@pytest.mark.statement("DEL-6", "FK-5")
def test_dependants_in_schemas_not_loaded(lab: Lab, connect: Any) -> None:
    other = connect()
    assert 1 == (other.FreeTable(f"{lab.schema.database}.subject") & {"subject": 1}).delete()
    assert 2 == len(lab.Review())


@pytest.mark.statement("DEL-6")
def test_dependants_declared_by_others_meanwhile(lab: Lab, connect: Any, schema_name: Any) -> None:
    (lab.Subject & {"subject": 3}).delete()
    late = connect().Schema(schema_name("late"))
    subject = dj.VirtualModule("lab", lab.schema.database, connection=late.connection)  # noqa: F841

    @late
    class Late(dj.Manual):
        definition = "-> subject.Subject"

    put(Late, [(1,), (2,)])
    assert 1 == (lab.Subject & {"subject": 1}).delete()
    assert [{"subject": 2}] == Late.to_dicts()


@pytest.mark.statement("DEL-7", "FK-5")
def test_delete_quick(lab: Lab) -> None:
    with pytest.raises(dj.errors.IntegrityError):
        (lab.Subject & {"subject": 1}).delete_quick()
    assert FULL == lab.counts()
    assert 1 == (lab.Review & {"score": 11}).delete_quick(get_count=True)
    assert (lab.Review & {"score": 21}).delete_quick() is None
    assert [31] == list(lab.Review.to_arrays("score"))


@pytest.mark.statement("DEL-7", "QRY-59")
def test_top_limits_what_is_deleted(lab: Lab) -> None:
    assert 1 == (lab.Review & dj.Top(1, "score DESC")).delete_quick(get_count=True)
    assert [11, 21] == list(lab.Review.to_arrays("score", order_by="score"))
    assert 2 == (lab.Subject & dj.Top(2, "subject DESC")).delete()
    assert [1] == list(lab.Subject.to_arrays("subject"))
    assert {
        "Subject": 1,
        "Session": 2,
        "Trial": 4,
        "Mark": 2,
        "Pair": 0,
        "Score": 2,
        "Review": 1,
    } == lab.counts()


@pytest.mark.statement("DEL-8")
def test_delete_in_a_transaction(lab: Lab, instance: Any, answer: Any) -> None:
    for transaction in (True, False):
        instance.connection.start_transaction()
        assert 1 == (lab.Subject & {"subject": 1}).delete(transaction=transaction)
        assert 2 == len(lab.Subject())
        instance.connection.cancel_transaction()
        assert FULL == lab.counts()
    answer("yes")
    with pytest.raises(dj.DataJointError, match="transaction"), instance.connection.transaction:
        lab.Subject.delete(prompt=True)
    assert FULL == lab.counts()


@pytest.mark.statement("DEL-9")
def test_drop(lab: Lab, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(dj.DataJointError, match="restricted"):
        (lab.Subject & "subject = 1").drop()
    with pytest.raises(dj.DataJointError, match=r"[Pp]art"):
        lab.Session.Trial.drop()
    answer("no", "yes")
    lab.Session.drop(prompt=True)
    assert lab.Session.is_declared
    assert f"  6  {lab.other.database}.score\n" in capsys.readouterr().out
    lab.Session.drop(prompt=True)
    assert ["pair"] == lab.other.list_tables()
    assert {"#rig", "subject"} == set(lab.schema.list_tables())


@pytest.mark.statement("DEL-9")
def test_drop_of_a_table_that_a_part_refers_to(schema: Any) -> None:
    @schema
    class Tag(dj.Manual):
        definition = "tag : int16"

    @schema
    class Tagged(dj.Manual):
        definition = "tagged : int16"

        class Item(dj.Part):
            definition = """
            -> master
            -> Tag
            """

    with pytest.raises(dj.DataJointError, match="before its master"):
        Tag.drop()
    Tagged.Item.drop(part_integrity="ignore")
    Tag.drop()
    assert ["tagged"] == schema.list_tables()


@pytest.mark.statement("DEL-9", "FK-5")
def test_drop_quick(lab: Lab) -> None:
    with pytest.raises(dj.DataJointError):
        lab.Subject.drop_quick()
    assert FULL == lab.counts()
    lab.Review.drop_quick()
    assert not lab.Review.is_declared
    assert ["pair", "score"] == sorted(lab.other.list_tables())


@pytest.mark.statement("DEL-10")
def test_drop_removes_lineage(lab: Lab) -> None:
    lab.Pair.drop()
    assert not [name for name in lab.other.lineage if ".pair." in name]
    assert [name for name in lab.other.lineage if ".score." in name]


@pytest.mark.statement("DEL-10")
def test_drop_removes_the_queue_of_jobs(schema: Any, instance: Any) -> None:
    @schema
    class Given(dj.Manual):
        definition = "given : int32"

    @schema
    class Made(dj.Computed):
        definition = "-> Given"

    queue = instance.connection.dialect.table(type(Made().name)(schema.database, "~~made"))
    instance.connection.query(f"CREATE TABLE {queue} (given integer NOT NULL PRIMARY KEY)")
    instance.connection.catalog.forget(schema.database)
    Given.drop()
    assert [] == schema.list_tables()
    instance.connection.query(f"CREATE TABLE {queue} (given integer NOT NULL PRIMARY KEY)")  # it was gone


@pytest.mark.statement("DEL-10")
@pytest.mark.backends("postgresql")
def test_drop_removes_private_types_only(schema: Any, instance: Any) -> None:
    @schema
    class One(dj.Manual):
        definition = "one : enum('x', 'y')"

    @schema
    class Two(dj.Manual):
        definition = """
        two : enum('x', 'y')
        ---
        own : enum('p', 'q')
        """

    def count() -> int:
        text = "SELECT count(*) FROM pg_type WHERE typtype = 'e' AND typnamespace = $1::regnamespace"
        return int(instance.connection.query(text, (schema.database,)).fetchone()[0])

    assert 2 == count()
    Two.drop()
    assert 1 == count()
    One.insert1({"one": "x"})
    One.drop()
    assert 0 == count()


@pytest.mark.statement("DEL-1")
def test_older_spellings(lab: Lab) -> None:
    with pytest.warns(DeprecationWarning, match="prompt"):
        assert 1 == (lab.Subject & {"subject": 1}).delete(safemode=False)
    with pytest.warns(DeprecationWarning, match="part_integrity"):
        assert 4 == (lab.Session.Trial & {"subject": 2}).delete(force_parts=True)


@pytest.mark.statement("DEL-1")
def test_thousands_of_rows(schema: Any) -> None:
    @schema
    class A(dj.Manual):
        definition = """
        a : int32
        ---
        x : int32
        """

    @schema
    class B(dj.Manual):
        definition = """
        -> A
        b : int16
        """

    put(A, [(n, n % 7) for n in range(25_000)])
    put(B, [(n, 0) for n in range(0, 25_000, 5)])
    expected = sum(n % 7 != 3 for n in range(25_000))
    assert expected == (A & "x <> 3").delete()
    assert sum(n % 7 == 3 for n in range(0, 25_000, 5)) == len(B())

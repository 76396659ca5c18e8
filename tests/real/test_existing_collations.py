"""Databases of MariaDB that compare texts in their own way, made by others before us: TYP-20, FK-13."""

from __future__ import annotations

import json
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import DuplicateError, IntegrityError

pytestmark = [pytest.mark.backends("mysql"), pytest.mark.statement("TYP-20")]

COLLATIONS = ["utf8mb4_general_ci", "utf8mb4_uca1400_ai_ci", "latin1_swedish_ci", "utf8mb4_bin"]


@pytest.fixture
def old(administer: Any, schema_name: Any) -> Any:
    """Give a function that makes a database of another collation."""

    def make(collation: str) -> str:
        name = schema_name()
        character_set = collation.partition("_")[0]
        administer(f"create database `{name}` character set {character_set} collate {collation}")
        return name

    return make


def declare(schema: Any) -> tuple[Any, Any]:
    @schema
    class Word(dj.Manual):
        definition = """
        word : varchar(20)
        ---
        note = '' : varchar(20)
        """

    @schema
    class Use(dj.Manual):
        definition = """
        -> Word
        use : int16
        ---
        other = null : varchar(20)
        """

    return Word, Use


@pytest.mark.parametrize("collation", COLLATIONS)
def test_texts_compare_exactly(collation: str, old: Any, instance: Any) -> None:
    Word, Use = declare(instance.Schema(old(collation)))  # noqa: N806
    Word.insert([{"word": "abc", "note": "Note"}, {"word": "e", "note": "é"}, {"word": "Ö", "note": "x"}])
    Use.insert([{"word": "abc", "use": 1, "other": "abc"}, {"word": "e", "use": 2, "other": "E"}])
    for other in ("ABC", "Abc", "abc ", "é", "E", "o", "ö"):
        assert 0 == len(Word & {"word": other}), other
        assert 0 == len(Word & [{"word": other}, {"word": "nothing"}]), other
        assert 0 == len(Word & f"word = '{other}'"), other
        assert 0 == len(Word & f"word in ('{other}')"), other
        assert 0 == len(Word & f"'{other}' = word"), other
        assert 3 == len(Word & f"word <> '{other}'"), other
        assert 3 == len(Word & f"not word = '{other}'"), other
        assert 0 == len(Use & (Word & {"word": other})), other
    assert 3 == len(Word - {"word": "ABC"})
    assert 1 == len(Word & {"note": "Note"})
    assert 0 == len(Word & {"note": "note"})
    assert ["abc", "e", "Ö"] == sorted(Word.to_arrays("word"))
    assert ["abc", "e", "Ö"] == list(Word.to_arrays("word", order_by="word"))
    assert 2 == len(dj.U("other") & Use)
    assert 2 == len(Word * Use)
    by_text = Word.proj().join(Use.proj(of="word", word="other"), semantic_check=False)
    assert [("abc", "abc")] == [(row["word"], row["of"]) for row in by_text.to_dicts()]
    assert 3 == len(Word.proj().proj(other="word") + Word.proj(other="word"))
    assert 0 == (Word & {"word": "ABC"}).delete()
    Word.update1({"word": "abc", "note": "Note"})
    for other in ("ABC", "abc ", "nothing"):
        with pytest.raises(dj.DataJointError, match="one existing entry"):
            Word.update1({"word": other, "note": "changed"})
    assert 0 == len(Word & {"note": "changed"})
    assert [{"word": "abc", "n": 1}] == (Word.aggr(Use, n="count(use)") & "word = 'abc'").to_dicts()


@pytest.mark.statement("ERR-5")
@pytest.mark.parametrize("collation", COLLATIONS[:3])
def test_keys_that_the_server_takes_for_equal(collation: str, old: Any, instance: Any) -> None:
    schema = instance.Schema(old(collation))
    Word, Use = declare(schema)  # noqa: N806
    Word.insert1({"word": "abc"})
    with pytest.raises(DuplicateError) as caught:
        Word.insert1({"word": "ABC"})
    assert "'ABC'" in str(caught.value)
    assert collation in str(caught.value)
    with pytest.raises(DuplicateError) as caught:
        Word.insert([{"word": "x"}, {"word": "X"}])
    assert collation in str(caught.value)
    assert 1 == len(Word())
    with pytest.raises(IntegrityError):
        Use.insert1({"word": "def", "use": 1})


@pytest.mark.parametrize("collation", ["utf8mb4_bin", "utf8mb4_general_ci"])
def test_references_across_databases(collation: str, old: Any, instance: Any, schema_name: Any) -> None:
    before, ours = instance.Schema(old(collation)), instance.Schema(schema_name())
    Word, _ = declare(before)  # noqa: N806

    @ours
    class Mine(dj.Manual):
        definition = """
        -> Word
        mine : varchar(5)
        """

    @before
    class Theirs(dj.Manual):
        definition = """
        -> Mine
        """

    Word.insert([{"word": word} for word in ("abc", "def")])
    Mine.insert(
        [{"word": "abc", "mine": "x"}, {"word": "abc", "mine": "X"}][: 2 if collation.endswith("bin") else 1]
    )
    Theirs.insert1({"word": "abc", "mine": "x"})
    with pytest.raises(IntegrityError):
        Mine.insert1({"word": "ghi", "mine": "x"})
    assert [{"word": "abc", "mine": "x"}] == (Word * Mine * Theirs).proj().to_dicts()
    assert 1 == len(Word - Mine)
    assert 1 == (Word & {"word": "abc"}).delete()
    assert (1, 0, 0) == (len(Word()), len(Mine()), len(Theirs()))


PEER = """
schema = dj.Schema(NAME)
@schema
class Subject(dj.Manual):
    definition = '''
    subject : varchar(16)
    ---
    strain : varchar(16)
    '''
Subject.insert([('m1', 'a'), ('m2', 'B')], skip_duplicates=True)
"""


@pytest.mark.statement("FK-1", "FK-13", "LIN-6")
def test_a_database_of_the_existing_client(peer: Any, schema_name: Any, connect: Any) -> None:
    theirs, ours = schema_name("theirs"), schema_name("ours")
    peer(PEER.replace("NAME", repr(theirs)))
    instance = connect(interop__create_collation="server")  # so that they can refer to our keys
    module = instance.virtual_schema(theirs)
    Subject, own = module.Subject, instance.Schema(ours)  # noqa: N806

    @own
    class Session(dj.Manual):
        definition = """
        -> Subject
        session : varchar(8)
        ---
        note = '' : varchar(20)
        """

    Session.insert([{"subject": "m1", "session": "one"}, {"subject": "m2", "session": "Zwei"}])
    assert 1 == len(Session & {"session": "one"})
    assert 0 == len(Session & {"session": "ONE"})
    assert 0 == len(Subject & {"subject": "M1"})
    assert [{"subject": "m2", "session": "Zwei", "strain": "B"}] == (
        (Subject & "strain = 'B'") * Session.proj()
    ).to_dicts()
    printed = peer(
        f"""
        import json
        theirs, ours = dj.Schema({theirs!r}), dj.VirtualModule('ours', {ours!r})
        Session = ours.Session
        @theirs
        class Scan(dj.Manual):
            definition = '''
            -> Session
            scan : varchar(8)
            '''
        Scan.insert1(('m1', 'one', 'deep'))
        Subject = dj.FreeTable(dj.conn(), {f"{theirs}.subject"!r})
        print(json.dumps((Subject * Session * Scan).fetch(as_dict=True)))
        """
    )
    assert [{"subject": "m1", "session": "one", "scan": "deep", "strain": "a", "note": ""}] == json.loads(
        printed.splitlines()[-1]
    )
    anew = connect()
    scan = anew.virtual_schema(theirs).Scan
    assert [{"subject": "m1", "session": "one", "scan": "deep"}] == scan.to_dicts()
    assert 1 == len(anew.virtual_schema(ours).Session & scan)
    assert 1 == (anew.virtual_schema(theirs).Subject & {"subject": "m1"}).delete()
    assert (1, 1, 0) == (len(Subject()), len(Session()), len(scan()))


def test_an_equality_is_looked_up_in_the_index(old: Any, instance: Any) -> None:
    Word, Use = declare(instance.Schema(old("utf8mb4_general_ci")))  # noqa: N806
    Word.insert([{"word": f"w{n}"} for n in range(300)])
    Use.insert([{"word": f"w{n}", "use": 1} for n in range(300)])

    def read() -> int:
        question = "SHOW SESSION STATUS LIKE 'Handler_read_rnd_next'"
        return int(instance.connection.query(question).fetchall()[0][1])

    for query in (
        Word & {"word": "w7"}, Word & [{"word": "w7"}], Use * Word & {"word": "w7"}, Word & "word = 'w7'",
        Word & "word in ('w7', 'W8') and note = ''", Word & "'w7' = word", Use & (Word & "word = 'w7'"),
        Word.proj(other="word") & "other = 'w7'",
    ):  # fmt: skip
        before = read()
        assert 1 == len(query.to_dicts())
        assert 50 > read() - before

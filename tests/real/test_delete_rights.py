"""Deletes by users who may not touch, or not even see, what depends on the rows: DEL-6."""

from collections.abc import Callable
from typing import Any

import pytest

import datajoint as dj

pytestmark = pytest.mark.backends("postgresql", "mysql")


@pytest.fixture
def names(instance: Any, schema_name: Callable[..., str]) -> tuple[str, str]:
    """A schema, and another one with a table that depends on it; both filled."""
    one, two = instance.Schema(schema_name()), instance.Schema(schema_name("two"))

    @one
    class Subject(dj.Manual):
        definition = "subject : int32"

    @two
    class Scan(dj.Manual):
        definition = "-> Subject"

    Subject.insert([{"subject": n} for n in (1, 2)])
    Scan.insert1({"subject": 1})
    return one.database, two.database


@pytest.mark.statement("DEL-6")
@pytest.mark.parametrize("seen", [False, True])
def test_dependant_out_of_reach_is_named(
    names: tuple[str, str], new_user: Any, connect: Any, instance: Any, seen: bool
) -> None:
    one, two = names
    user = new_user()
    user.grant("select, insert, update, delete", one)
    if seen:
        user.grant("select", two)
    subject = connect(**user.login).FreeTable(f"{one}.subject")
    with pytest.raises(dj.DataJointError, match=rf"{two}.*scan"):
        (subject & {"subject": 1}).delete()
    assert 2 == len(instance.FreeTable(f"{one}.subject"))
    assert 1 == len(instance.FreeTable(f"{two}.scan"))


@pytest.mark.statement("DEL-6")
@pytest.mark.backends("mysql")  # PostgreSQL counts rows before it knows that there are none to delete
def test_rows_without_dependants_go(
    names: tuple[str, str], new_user: Any, connect: Any, instance: Any
) -> None:
    user = new_user()
    user.grant("select, insert, update, delete", names[0])
    subject = connect(**user.login).FreeTable(f"{names[0]}.subject")
    assert 1 == (subject & {"subject": 2}).delete()
    assert 1 == len(instance.FreeTable(f"{names[0]}.subject"))


@pytest.mark.statement("PRV-9", "DEL-6")
def test_who_may_not_write_to_the_history_changes_rows_all_the_same(
    names: tuple[str, str], new_user: Any, connect: Any, instance: Any
) -> None:
    one, _ = names
    (instance.FreeTable(f"{one}.subject") & {"subject": 2}).delete()  # makes the table of old versions
    instance.FreeTable(f"{one}.subject").insert([{"subject": n} for n in (3, 4)])
    user = new_user()
    user.grant("select", one)
    user.grant("insert, update, delete", one, "subject")
    user.grant("insert", one, "~events")
    mine = connect(**user.login)

    assert 1 == (mine.FreeTable(f"{one}.subject") & {"subject": 3}).delete_quick(get_count=True)
    with mine.config.override(provenance__history="required"), pytest.raises(dj.errors.AccessError):
        (mine.FreeTable(f"{one}.subject") & {"subject": 4}).delete_quick()
    assert [1, 4] == sorted(instance.FreeTable(f"{one}.subject").to_arrays("subject").tolist())

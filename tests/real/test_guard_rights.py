"""Who may not make triggers declares tables all the same, and is told once that they are not guarded."""

import warnings
from typing import Any

import pytest

import datajoint as dj
from datajoint.errors import AccessError, DataJointWarning

pytestmark = pytest.mark.backends("mysql")


@pytest.mark.statement("PRV-7", "ACC-1")
def test_without_the_right_to_triggers(schema: Any, new_user: Any, connect: Any) -> None:
    user = new_user()
    user.grant("select, insert, update, delete, create, references, drop, alter, index", schema.database)
    limited = connect(**user.login, provenance__guard=True).Schema(schema.database)

    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nx=null : float64"

    class Other(dj.Manual):
        definition = "other : int32"

    with pytest.warns(DataJointWarning, match=r"no right to make triggers .*provenance\.guard"):
        limited(Subject)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        limited(Other)
    Subject.insert1({"subject_id": 1, "x": 1.0})
    Subject.update1({"subject_id": 1, "x": 2.0})

    assert [2.0] == Subject.to_arrays("x").tolist()
    with pytest.raises(AccessError) as caught:
        dj.deploy.guard(limited, dry_run=False)
    assert "trigger" in str(caught.value).lower()
    assert user.name in str(caught.value)


@pytest.mark.statement("PRV-7")
def test_who_may_write_only_is_noticed_too(schema: Any, new_user: Any, connect: Any) -> None:
    schema.connection.config.provenance.guard = True

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32\n---\nx=null : float64"

    Subject.insert([{"subject_id": n, "x": 1.0} for n in (1, 2)])
    user = new_user()
    user.grant("select, insert, update", schema.database)
    writer = connect(**user.login)
    writer.connection.query(f"UPDATE {Subject().full_table_name} SET x = 2 WHERE subject_id = 2")

    rows = Subject.with_metadata().proj("event").to_dicts()
    assert {2} == {row["subject_id"] for row in rows if row["event"] is None}

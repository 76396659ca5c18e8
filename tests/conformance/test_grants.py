"""Rights where there are no users; with users: tests/real/test_grants.py."""

import pytest

import datajoint as dj
from datajoint.errors import DataJointError


@pytest.mark.statement("ACC-3")
@pytest.mark.backends("sqlite")
def test_a_file_has_no_users(declare, schema):
    subject = declare("Subject", "subject_id : int32")
    for attempt in (
        lambda: schema.grant("ann", "reader"),
        lambda: schema.revoke("ann"),
        lambda: dj.can("ann", subject),
    ):
        with pytest.raises(DataJointError, match="SQLite has no users"):
            attempt()


@pytest.mark.statement("ACC-3")
@pytest.mark.backends("postgresql", "mysql")
def test_the_owner_may_do_everything(declare):
    subject = declare("Subject", "subject_id : int32")
    may = dj.can(None, subject)
    assert all(may.may(operation) for operation in ("read", "insert", "update", "delete", "declare"))
    assert not may.populate  # a manual table
    with pytest.raises(DataJointError, match="`fly` is no operation"):
        may.may("fly")

"""Which tables may be written now."""

import contextvars

import pytest

from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.table.guard import check_insert, check_update, writable

FIT, CELL, MANUAL = TableName("lab", "__fit"), TableName("lab", "__fit__cell"), TableName("lab", "subject")


@pytest.mark.parametrize("name", ["subject", "#sex", "subject__part", "~log"])
def test_tables_that_users_fill(name):
    check_insert(TableName("lab", name), allowed=None)
    check_update(TableName("lab", name), allowed=None)


@pytest.mark.parametrize("name", ["_scan", "__fit", "_scan__field", "__fit__cell"])
def test_tables_that_makes_fill(name):
    table = TableName("lab", name)
    for check in (check_insert, check_update):
        for allowed in (None, False):
            with pytest.raises(DataJointError, match="can only be done inside its make method"):
                check(table, allowed)
        check(table, allowed=True)


def test_permission():
    with writable([FIT]):
        check_insert(FIT, None)
        check_insert(CELL, None)
        check_update(CELL, None)
        with writable([TableName("lab", "__other")]):
            check_insert(FIT, None)
        with pytest.raises(DataJointError):
            check_insert(TableName("other", "__fit"), None)
        with pytest.raises(DataJointError):
            contextvars.Context().run(check_insert, FIT, None)
    with pytest.raises(DataJointError):
        check_insert(FIT, None)

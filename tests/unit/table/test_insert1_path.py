"""One row takes the path for one row, unless a class of the user replaces `insert`."""

import sys

import datajoint as dj


def called(function):
    """Return the names of the functions of the package that a call goes through."""
    names = set()

    def note(frame, event, _):
        if event == "call" and frame.f_globals.get("__name__", "").startswith("datajoint.table.insert"):
            names.add(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return names


def subject(**members):
    schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    body = {"definition": "subject_id : int32", **members}
    return schema(type("Subject", (dj.Manual,), body))


def test_one_row_is_not_inserted_as_many():
    table = subject()
    names = called(lambda: table.insert1({"subject_id": 1}))
    assert "row_batches" in names
    assert "insert_rows" not in names


def test_an_insert_of_the_user_gets_single_rows_too():
    given = []

    def insert(self, rows, **options):
        given.extend(rows)
        super(table, self).insert(rows, **options)

    table = subject(insert=insert)
    table.insert1({"subject_id": 1})
    assert [{"subject_id": 1}] == given
    assert 1 == len(table())

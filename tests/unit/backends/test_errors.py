"""Driver errors become ours, with what they tell about table, columns and values (ERR-4)."""

from types import SimpleNamespace

import pytest

from datajoint import errors
from datajoint.backends.mysql import errors as mysql_errors
from datajoint.backends.postgresql import errors as postgresql_errors
from datajoint.backends.sqlite import errors as sqlite_errors

MYSQL = [
    ((1062, "Duplicate entry '1-a' for key 'PRIMARY'"), errors.DuplicateError,
     {"reason": "unique", "constraint": "PRIMARY", "values": "1-a"}),
    ((1452, ("Cannot add or update a child row: a foreign key constraint fails (`lab`.`b`, "
            "CONSTRAINT `b_ibfk_1` FOREIGN KEY (`x`, `y`) REFERENCES `a` (`x`, `y`) ON UPDATE CASCADE)")),
     errors.IntegrityError,
     {"reason": "missing_parent", "table": "lab.b", "columns": ("x", "y"),
      "constraint": "b_ibfk_1", "parent": "a"}),
    ((1451, ("Cannot delete or update a parent row: a foreign key constraint fails (`lab`.`b`, "
            "CONSTRAINT `c` FOREIGN KEY (`x`) REFERENCES `a` (`x`) ON UPDATE CASCADE)")),
     errors.IntegrityError,
     {"reason": "has_children", "table": "lab.b", "columns": ("x",)}),
    ((1364, "Field 'z' doesn't have a default value"), errors.MissingAttributeError, {"columns": ("z",)}),
    ((1048, "Column 'z' cannot be null"), errors.MissingAttributeError, {"columns": ("z",)}),
    ((1406, "Data too long for column 'z' at row 1"), errors.QueryError, {"columns": ("z",),
    "reason": "too_long"}),
    ((1264, "Out of range value for column 'z' at row 1"), errors.QueryError, {"columns": ("z",),
    "reason": "range"}),
    ((1366, "Incorrect integer value: 'x' for column `lab`.`a`.`n` at row 1"), errors.QueryError,
    {"columns": ("n",)}),
    ((4025, "CONSTRAINT `a.j` failed for `lab`.`a`"), errors.CheckError, {"constraint": "a.j",
    "table": "lab.a"}),
    ((1054, "Unknown column 'q' in 'SELECT'"), errors.UnknownAttributeError, {"column": "q"}),
    ((1146, "Table 'lab.q' doesn't exist"), errors.MissingTableError, {"table": "lab.q"}),
    ((1064, "You have an error"), errors.QuerySyntaxError, {"reason": "syntax"}),
    ((1142, "SELECT command denied"), errors.AccessError, {"reason": "denied"}),
    ((1045, "Access denied for user 'x'"), errors.AccessError, {"reason": "login"}),
    ((1213, "Deadlock found"), errors.DeadlockError, {"reason": "serialize"}),
    ((2013, "Lost connection"), errors.LostConnectionError, {"reason": "lost"}),
    ((1071, "Specified key was too long"), errors.DeclarationError, {"reason": "key_length"}),
    ((1118, "Row size too large (> 8126)"), errors.DeclarationError, {"reason": "row_size"}),
    ((1069, "Too many keys specified"), errors.DeclarationError, {"reason": "indexes"}),
    ((1070, "Too many key parts specified"), errors.DeclarationError, {"reason": "key_columns"}),
    ((9999, "Something else"), errors.QueryError, {"reason": "other"}),
    (("no number at all",), errors.QueryError, {"reason": "other"}),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "kind", "context"), MYSQL)
def test_mysql(arguments, kind, context):
    error = mysql_errors.translate(Exception(*arguments), "SELECT 1", "me@here:1")
    assert kind is type(error)
    assert "SELECT 1" == error.context["statement"]
    assert context == {name: error.context[name] for name in context}


def test_an_interface_error_is_a_lost_connection():
    kind = type("InterfaceError", (Exception,), {})
    error = mysql_errors.translate(kind(0, ""), "", "me@here:1")
    assert "The connection to me@here:1 was lost or refused: no answer." == str(error)


def postgresql(state, message="it failed", **diagnosis):
    empty = dict.fromkeys(("schema_name", "table_name", "column_name", "constraint_name", "message_detail"))
    kind = type("OperationalError", (Exception,), {})
    error = kind(message)
    error.sqlstate = state
    error.diag = SimpleNamespace(**{**empty, "message_primary": message, **diagnosis})
    return postgresql_errors.translate(error, "SELECT 1", "me@here:1")


POSTGRESQL = [
    ("23505", {"message_detail": 'Key (a, "b c")=(1, x) already exists.', "schema_name": "lab",
    "table_name": "t",
               "constraint_name": "t_pkey"}, errors.DuplicateError,
     {"columns": ("a", "b c"), "values": "1, x", "table": "lab.t", "constraint": "t_pkey",
      "reason": "unique"}),
    ("23503", {"message_detail": 'Key (a)=(1) is not present in table "p".'}, errors.IntegrityError,
     {"reason": "missing_parent", "columns": ("a",), "values": "1"}),
    ("23503", {"message_detail": 'Key (a)=(1) is still referenced from table "c".'}, errors.IntegrityError,
     {"reason": "has_children", "child": "c"}),
    ("23502", {"column_name": "z"}, errors.MissingAttributeError, {"columns": ("z",)}),
    ("42501", {}, errors.AccessError, {}), ("42601", {}, errors.QuerySyntaxError, {}),
    ("42P01", {}, errors.MissingTableError, {}), ("42703", {}, errors.UnknownAttributeError, {}),
    ("08006", {}, errors.LostConnectionError, {}), ("57P01", {}, errors.LostConnectionError, {}),
    ("40001", {}, errors.DeadlockError, {"reason": "serialize"}), ("22001", {}, errors.QueryError, {}),
    ("28P01", {}, errors.AccessError, {"reason": "login"}), ("XX000", {}, errors.QueryError,
    {"reason": "other"}),
]  # fmt: skip


@pytest.mark.parametrize(("state", "diagnosis", "kind", "context"), POSTGRESQL)
def test_postgresql(state, diagnosis, kind, context):
    error = postgresql(state, **diagnosis)
    assert kind is type(error)
    assert context == {name: error.context[name] for name in context}
    assert state == error.context["native"]


OPENING = [
    ('FATAL:  password authentication failed for user "me"', errors.AccessError,
     'The server here:1 refuses the login of `me`: password authentication failed for user "me".'),
    ('FATAL:  role "me" does not exist', errors.AccessError,
     'The server here:1 refuses the login of `me`: role "me" does not exist.'),
    ('FATAL:  database "x" does not exist', errors.ConfigurationError,
     "The server here:1 has no database `x`."),
    ("server does not support SSL, but SSL was required", errors.AccessError,
     "The server here:1 offers no encrypted connection, which `database.use_tls` demands."),
    ("Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?",
     errors.LostConnectionError, "The connection to me@here:1 was lost or refused: Connection refused."),
]  # fmt: skip


@pytest.mark.parametrize(("message", "kind", "told"), OPENING)
def test_postgresql_lets_nobody_in(message, kind, told):
    where = 'connection failed: connection to server at "127.0.0.1", port 1 failed: '
    error = postgresql_errors.refused(Exception(where + message), "me@here:1")
    assert kind is type(error)
    assert told == error.message
    assert error.hint


RIGHTS = [
    (postgresql_errors, 'UPDATE "lab"."t" SET x = 1', ("permission denied for table t",), "UPDATE", "lab.t"),
    (postgresql_errors, 'WITH e AS (INSERT INTO "lab"."~events" VALUES (1)) DELETE FROM "lab"."t" AS "t"',
     ("permission denied for table ~events",), "INSERT", "lab.~events"),
    (postgresql_errors, 'DROP TABLE "lab"."t"', ("must be owner of table t",), "DROP", "lab.t"),
    (postgresql_errors, 'CREATE TABLE "lab"."t" (x int)', ("permission denied for schema lab",),
     "CREATE", "lab"),
    (mysql_errors, "DELETE FROM `lab`.`t`",
     (1142, "DELETE command denied to user 'me'@'%' for table `lab`.`t`"), "DELETE", "lab.t"),
    (mysql_errors, "SELECT x FROM `lab`.`t`",
     (1142, "SELECT command denied to user 'me'@'%' for table 't'"), "SELECT", "t"),
    (mysql_errors, "CREATE DATABASE `lab`", (1044, "Access denied for user 'me'@'%' to database 'lab'"),
     "CREATE", "lab"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "statement", "arguments", "right", "what"), RIGHTS)
def test_a_missing_right_is_named(module, statement, arguments, right, what):
    kind = type("InsufficientPrivilege", (Exception,), {"sqlstate": "42501"})
    error = module.translate(kind(*arguments), statement, "me@here:1")
    assert errors.AccessError is type(error)
    assert error.message.startswith(f"User `me` has no right to {right} ")
    assert f"`{what}`" in error.message
    assert statement == error.context["statement"]


SQLITE = [
    ("SQLITE_CONSTRAINT_PRIMARYKEY", "UNIQUE constraint failed: lab.t.a, lab.t.b", "", errors.DuplicateError,
     {"reason": "unique", "table": "lab.t", "columns": ("a", "b")}),
    ("SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed: index 'x'", "", errors.DuplicateError,
    {"constraint": "x"}),
    ("SQLITE_CONSTRAINT_NOTNULL", "NOT NULL constraint failed: lab.t.a", "", errors.MissingAttributeError,
     {"columns": ("a",)}),
    ("SQLITE_CONSTRAINT_FOREIGNKEY", "FOREIGN KEY constraint failed", "INSERT INTO t", errors.IntegrityError,
     {"reason": "missing_parent"}),
    ("SQLITE_CONSTRAINT_TRIGGER", "FOREIGN KEY constraint failed", " delete from t", errors.IntegrityError,
     {"reason": "has_children"}),
    ("SQLITE_CONSTRAINT_CHECK", "CHECK constraint failed: x > 1", "", errors.CheckError,
     {"reason": "check", "constraint": "x > 1"}),
    ("SQLITE_CONSTRAINT_DATATYPE", "cannot store TEXT value in INTEGER column lab.t.a", "", errors.QueryError,
     {"table": "lab.t", "columns": ("a",)}),
    ("SQLITE_BUSY", "database is locked", "", errors.TransactionError, {"reason": "locked"}),
    ("SQLITE_BUSY_SNAPSHOT", "database is locked", "", errors.TransactionError, {"reason": "locked"}),
    ("SQLITE_READONLY", "attempt to write a readonly database", "", errors.AccessError,
    {"reason": "read_only"}),
    ("SQLITE_NOTADB", "file is not a database", "", errors.ConfigurationError, {}),
    ("SQLITE_ERROR", "no such table: lab.t", "", errors.MissingTableError, {"table": "lab.t"}),
    ("SQLITE_ERROR", "no such column: q", "", errors.UnknownAttributeError, {"column": "q"}),
    ("SQLITE_ERROR", "no such function: f", "", errors.PortabilityError, {"function": "f"}),
    ("SQLITE_ERROR", 'near "x": syntax error', "", errors.QuerySyntaxError, {}),
    (None, "Cannot operate on a closed database.", "", errors.LostConnectionError, {"reason": "closed"}),
    ("SQLITE_ERROR", "odd", "", errors.QueryError, {"reason": "other"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "message", "text", "kind", "context"), SQLITE)
def test_sqlite(name, message, text, kind, context):
    exception = Exception(message)
    exception.sqlite_errorname = name
    error = sqlite_errors.translate(exception, text, "/data/x.db")
    assert kind is type(error)
    assert context == {name: error.context[name] for name in context}


def test_a_number_too_large_for_sqlite():
    assert errors.QueryError is type(sqlite_errors.translate(OverflowError("too large"), "", "x"))

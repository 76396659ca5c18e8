"""What we use of PyMySQL beyond its documented interface exists in the release that is installed.

A release that renames one of them fails here, by name, and not in a lost connection of a user. That is why
`pyproject.toml` bounds the release from above: raise the bound when these tests pass with the next one.
"""

import inspect

import pymysql
import pytest
from pymysql import connections, cursors


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("_force_close", ["self"]),
        ("_request_authentication", ["self"]),
        ("_read_query_result", ["self", "unbuffered"]),
        ("_read_packet", ["self", "packet_type"]),
        ("_read_bytes", ["self", "num_bytes"]),
        ("set_character_set", ["self", "charset", "collation"]),
        ("query", ["self", "sql", "unbuffered"]),
        ("escape", ["self", "obj", "mapping"]),
    ],
)
def test_methods_that_we_call_or_replace(name, parameters):
    method = getattr(connections.Connection, name)
    assert parameters == list(inspect.signature(method).parameters)


def test_methods_that_we_replace_are_those_that_the_driver_calls():
    called = {
        "_request_authentication": connections.Connection.connect,
        "_read_query_result": connections.Connection.query,
        "set_character_set": connections.Connection.connect,
        "_read_packet": connections.MySQLResult.read,
    }
    missing = [name for name, caller in called.items() if name not in caller.__code__.co_names]
    assert [] == missing


@pytest.mark.parametrize(
    "name", ["_read_load_local_packet", "_get_descriptions", "_read_row_from_packet", "_read_ok_packet"]
)
def test_methods_of_a_result_that_we_call_or_replace(name):
    assert callable(getattr(connections.MySQLResult, name))


def test_attributes_of_a_result():
    result = connections.MySQLResult(None)
    assert (0, False) == (result.warning_count, result.unbuffered_active)
    assert (None, None) == (result.server_status, result.rows)


def test_attributes_of_a_cursor():
    cursor = cursors.Cursor(connections.Connection(defer_connect=True))
    assert (None, -1) == (cursor._result, cursor.rowcount)


def test_the_release_is_one_that_we_allow():
    assert (1, 1) <= pymysql.VERSION[:2] < (1, 3)

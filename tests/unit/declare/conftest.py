"""Tables that the definitions of these tests refer to."""

from collections.abc import Callable

import pytest

from datajoint.declare.parse import parse
from datajoint.declare.resolve import SELF, SelfReference, resolve
from datajoint.declare.spec import TableSpec
from datajoint.declare.syntax import Reference
from datajoint.errors import ForeignKeyTargetError
from datajoint.heading.names import TableName, to_camel_case

PARENTS = {
    "#sex": "sex : enum('M','F')   # sex of the subject",
    "subject": "subject : int32   # number of the animal\n---\nweight : float32\n-> Sex",
    "_session": "-> Subject\nsession : int16   # number of the visit",
    "trial": "-> Session\ntrial : int16",
    "rig": "---\nrig : varchar(30)",
    "tagged": "tag : uuid",
    "numbered": "id : int unsigned auto_increment",
}


def tables() -> dict[str, TableSpec]:
    known: dict[str, TableSpec] = {}
    for name, text in PARENTS.items():
        known[to_camel_case(name)] = resolve(
            parse(text, name), TableName("lab", name), lambda reference: known[reference.path]
        )
    return known


TABLES = tables()


def find(reference: Reference) -> TableSpec | SelfReference:
    if reference.path == "Self":
        return SELF
    if reference.path not in TABLES:
        raise ForeignKeyTargetError(f"`{reference.path}` names no table")
    return TABLES[reference.path]


def declared(text: str, table: str = "child") -> TableSpec:
    return resolve(parse(text, to_camel_case(table)), TableName("lab", table), find)


def name_of(name: TableName) -> str:
    return name.class_name if name.class_name in TABLES else "Self"


@pytest.fixture(scope="session", name="declared")
def _declared() -> Callable[..., TableSpec]:
    return declared


@pytest.fixture(scope="session", name="tables")
def _tables() -> dict[str, TableSpec]:
    return TABLES


@pytest.fixture(scope="session", name="name_of")
def _name_of() -> Callable[[TableName], str]:
    return name_of


@pytest.fixture(scope="session", name="find")
def _find() -> Callable[[Reference], TableSpec | SelfReference]:
    return find

"""Tables without a database: `tables`, expressions by class name that only have a heading."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from datajoint.testing.strategies import evaluate_code, offline, resolved

DEFINITIONS = {
    "subject": """
        # animals
        subject_id : int32
        ---
        name : varchar(40)
        species : enum('mouse', 'rat')
        weight=null : float64
        """,
    "user": "user : varchar(12)\n---\nfull_name : varchar(60)",
    "session": """
        -> Subject
        session : int16
        ---
        day : date
        -> [nullable] User.proj(analyst='user')
        score=null : decimal(6,2)
        note='' : varchar(60)
        """,
    "loan": "loan : int16\n---\n-> [nullable] Subject",
    "setup": "---\nrig : varchar(20)",
    "document": "document : int32\n---\ncontent=null : json\ntrace=null : <blob>",
}


class Tables(SimpleNamespace):
    """Tables by class name; `query(code)` evaluates a query over them."""

    def query(self, code: str) -> Any:
        """Return the expression that code over the tables stands for."""
        return evaluate_code(code, vars(self))


def make_tables(definitions: Mapping[str, str] = DEFINITIONS) -> Tables:
    """Return new tables, whose plans share nothing with those of other tests."""
    return Tables(**offline(resolved(definitions)))


@pytest.fixture
def tables() -> Tables:
    """Give new tables without a database."""
    return make_tables()

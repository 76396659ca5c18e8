"""Import paths of pipelines that exist."""

from hashlib import md5
from pathlib import Path
from uuid import UUID

import pytest


def test_the_digest_of_a_key() -> None:
    from datajoint.hash import key_hash

    import datajoint as dj
    from datajoint.jobs import key_hash as same

    assert key_hash is same is dj.hash.key_hash
    assert "88cd910cb22b7d530656cd5478e94e9f" == key_hash({"u": UUID(int=6), "id": 2})


def test_tables() -> None:
    import datajoint as dj
    from datajoint.table import Table

    assert Table is dj.Table


def test_errors_and_expressions() -> None:
    from datajoint.expression import QueryExpression, Union
    from datajoint.fetch import DataJointError

    import datajoint as dj

    assert DataJointError is dj.DataJointError
    assert Union is QueryExpression is dj.expression.Union


@pytest.mark.parametrize(
    ("name", "master"),
    [
        ("`lab`.`session__trial`", "`lab`.`session`"),
        ('"lab"."#kind__alias"', '"lab"."#kind"'),
        ("`lab`.`__fit__cell`", "`lab`.`__fit`"),
        ("lab.fit__cell", "lab.fit"),
        ("`lab`.`__fit`", ""),
        ("`lab`.`session`", ""),
        ("session", ""),
    ],
)
def test_the_master_of_a_full_name(name: str, master: str) -> None:
    from datajoint.utils import get_master

    assert master == get_master(name)


def test_the_digest_of_a_file(tmp_path: Path) -> None:
    from datajoint.hash import uuid_from_file

    (tmp_path / "a.txt").write_bytes(b"world")
    expected = md5(b"hello world").digest()
    assert UUID(bytes=expected) == uuid_from_file(tmp_path / "a.txt", init_string="hello ")

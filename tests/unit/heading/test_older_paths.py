"""Import paths of pipelines that exist."""

from uuid import UUID


def test_the_digest_of_a_key() -> None:
    from datajoint.hash import key_hash
    from datajoint.jobs import key_hash as same

    import datajoint as dj

    assert key_hash is same is dj.hash.key_hash
    assert "88cd910cb22b7d530656cd5478e94e9f" == key_hash({"u": UUID(int=6), "id": 2})


def test_tables() -> None:
    import datajoint as dj
    from datajoint.table import Table

    assert Table is dj.Table

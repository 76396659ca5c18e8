"""Users change their own password, by the names that older code uses (move-in, section 3)."""

import pytest

import datajoint as dj
from datajoint.errors import DataJointError

pytestmark = [pytest.mark.backends("postgresql", "mysql"), pytest.mark.statement("ACC-3")]

NEW = "ann's \\ %s \N{GREEK SMALL LETTER ALPHA}"


@pytest.fixture
def ann(new_user, connect):
    """Give a user without any right, and a connection of hers."""
    user = new_user()
    return user, connect(**user.login)


def kept(administer, user):
    """Return what the server keeps of a password."""
    if user.postgresql:
        return administer(f"select rolpassword from pg_authid where rolname = '{user.name}'")
    return administer(f"show grants for {user.name}@'%'")


def test_the_password_is_changed(ann, administer, connect):
    user, instance = ann
    before = kept(administer, user)
    dj.admin.set_password(NEW, connection=instance.connection)
    assert before != kept(administer, user)
    assert NEW == instance.config.database.password
    assert [(1,)] == connect(user=user.name, password=NEW).connection.query("SELECT 1").fetchall()


def test_the_connection_opens_again_after_a_loss(ann, administer):
    user, instance = ann
    dj.set_password(NEW, connection=instance.connection, update_config=False)
    assert user.password == instance.config.database.password
    administer.kill(instance.connection)
    assert [(1,)] == instance.connection.query("SELECT 1").fetchall()
    assert NEW == instance.connection.conn_info["passwd"]


@pytest.mark.backends("mysql")
def test_the_old_password_is_refused(ann, connect):
    user, instance = ann
    dj.set_password(NEW, connection=instance.connection)
    with pytest.raises(DataJointError, match="denied"):
        _ = connect(**user.login).connection


def test_the_password_is_asked_for_twice(ann, administer, monkeypatch):
    user, instance = ann
    before = kept(administer, user)
    answers = [NEW, "another", NEW, NEW]
    monkeypatch.setattr("getpass.getpass", lambda _: answers.pop(0))
    with pytest.raises(DataJointError, match="differ; nothing was changed"):
        dj.set_password(connection=instance.connection)
    assert before == kept(administer, user)
    dj.set_password(connection=instance.connection)
    assert before != kept(administer, user)


def test_an_error_does_not_hold_the_password(ann):
    _, instance = ann
    instance.connection.query("SELECT 1")
    instance.config.database.reconnect = False
    instance.connection.close()
    with pytest.raises(DataJointError) as caught:
        dj.set_password("secret-word", connection=instance.connection)
    error = caught.value
    assert "secret-word" not in f"{error} {error.context} {error.__cause__!r}"
    with pytest.raises(DataJointError, match="empty"):
        dj.set_password("", connection=instance.connection)


@pytest.mark.backends("mysql")
@pytest.mark.parametrize("password", ["m\u00fcsli", "\N{GREEK SMALL LETTER ALPHA}"])
def test_passwords_of_any_letters(new_user, administer, connect, password):
    user = new_user()
    administer(f"alter user {user.name}@'%' identified by '{password}'")
    assert [(1,)] == connect(user=user.name, password=password).connection.query("SELECT 1").fetchall()

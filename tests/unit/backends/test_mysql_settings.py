"""What a MySQL or MariaDB server is told when a session begins."""

import pytest

from datajoint.backends.mysql import backend

MARIADB = "utf8mb4 COLLATE utf8mb4_nopad_bin"


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("5.5.5-10.6.12-MariaDB-log", [MARIADB, "@@SESSION.tx_isolation", "split_materialized=off"]),
        ("11.0.3-MariaDB", [MARIADB, "@@SESSION.tx_isolation"]),
        ("11.8.9-MariaDB-0+deb13u1 from Debian", [MARIADB, "@@SESSION.transaction_isolation"]),
        ("8.0.36", ["utf8mb4 COLLATE utf8mb4_0900_bin", "@@SESSION.transaction_isolation"]),
    ],
)
def test_a_server_is_told_in_its_own_words(server, words):
    text = backend._session_settings(server)
    assert all(word in text for word in words)
    assert ("optimizer_switch" in text) == ("MariaDB" in server)
    assert ";" not in text

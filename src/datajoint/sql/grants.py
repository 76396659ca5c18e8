"""Statements that give, take and list the rights of users of a server (ACC-3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from datajoint._value import Value
from datajoint.backends.base import Dialect
from datajoint.heading.names import TableName

__all__ = [
    "ALL", "CREATE", "DELETE", "INSERT", "SELECT", "TEMPORARY", "UPDATE", "Rights", "grant", "held_rights",
    "list_grants", "read_grants", "revoke",
]  # fmt: skip

SELECT, INSERT, UPDATE, DELETE = "SELECT", "INSERT", "UPDATE", "DELETE"
CREATE, TEMPORARY, ALL = "CREATE", "CREATE TEMPORARY TABLES", "ALL PRIVILEGES"

ByTable = Mapping[TableName, Sequence[str]]


class Rights(Value):
    r"""What a user may do.

    Attributes
    ----------
    tables
        Pairs of a table and a right on it.
    patterns
        Pairs of a pattern of schema names and a right on all tables there.

    Examples
    --------
    >>> rights = Rights(frozenset(), frozenset({(r"lab_\w+", SELECT)}))
    >>> rights.has(SELECT, TableName("lab_a", "subject")), rights.has(INSERT, TableName("lab_a", "subject"))
    (True, False)
    """

    tables: frozenset[tuple[TableName, str]]
    patterns: frozenset[tuple[str, str]] = frozenset()

    def has(self, right: str, name: TableName) -> bool:
        """Whether there is a right on a table; on the schema, where the name is empty."""
        return (name, right) in self.tables or any(
            given in (right, ALL) and re.fullmatch(pattern, name.schema) for pattern, given in self.patterns
        )


# ---------------------------------------------------------------------------------------- giving and taking


def grant(schema: str, user: str, everywhere: Sequence[str], tables: ByTable, dialect: Dialect) -> list[str]:
    r"""Return the statements that give rights.

    Parameters
    ----------
    everywhere
        Rights on the schema and all its tables, those made later included where the server can.
    tables
        Rights on single tables.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> subject = TableName("my_lab", "subject")
    >>> for text in grant("my_lab", "ann", [SELECT], {subject: [INSERT]}, get_backend("mysql").dialect):
    ...     print(text)
    GRANT SELECT ON `my\_lab`.* TO 'ann'
    GRANT INSERT ON `my_lab`.`subject` TO 'ann'
    """
    return _statements(schema, user, everywhere, tables, dialect, taking=False)


def revoke(schema: str, user: str, everywhere: Sequence[str], tables: ByTable, dialect: Dialect) -> list[str]:
    """Return the statements that take rights away; arguments as for `grant`.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> subject = TableName("lab", "subject")
    >>> revoke("lab", "ann@localhost", [], {subject: [INSERT]}, get_backend("mysql").dialect)
    ["REVOKE INSERT ON `lab`.`subject` FROM 'ann'@'localhost'"]
    """
    return _statements(schema, user, everywhere, tables, dialect, taking=True)


def _statements(
    schema: str, user: str, everywhere: Sequence[str], tables: ByTable, dialect: Dialect, taking: bool
) -> list[str]:
    verb, preposition = ("REVOKE", "FROM") if taking else ("GRANT", "TO")
    whom = f"{preposition} {_account(user, dialect)}"
    single = [
        f"{verb} {', '.join(rights)} ON {dialect.table(name)} {whom}"
        for name, rights in tables.items()
        if rights
    ]
    if dialect.name == "mysql":
        # Rights on a schema are given to a pattern of names, in which _ stands for any character.
        place = dialect.quote(schema.replace("_", r"\_")) + ".*"
        whole = [f"{verb} {', '.join(everywhere)} ON {place} {whom}"] if everywhere else []
    else:
        whole = _on_schema(dialect.quote(schema), everywhere, verb, whom)
    return [dialect.escape(text) for text in ([*single, *whole] if taking else [*whole, *single])]


def _on_schema(place: str, everywhere: Sequence[str], verb: str, whom: str) -> list[str]:
    """Return the statements for a schema of PostgreSQL, for tables that the present user makes later, too."""
    texts: list[str] = []
    right = next((right for right in (ALL, SELECT) if right in everywhere), None)
    if right:
        texts += [
            f"{verb} {right} ON ALL TABLES IN SCHEMA {place} {whom}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {place} {verb} {right} ON TABLES {whom}",
        ]
    if CREATE in everywhere or ALL in everywhere:
        texts.append(f"{verb} CREATE ON SCHEMA {place} {whom}")
    if everywhere:
        texts.append(f"{verb} USAGE ON SCHEMA {place} {whom}")
    return texts


def _account(user: str, dialect: Dialect) -> str:
    """Return a name of a user or role; on MySQL with a host where one is given."""
    if dialect.name == "postgresql":
        return user.upper() if user.lower() == "public" else dialect.quote(user)
    name, at, host = user.rpartition("@")
    return f"{dialect.literal(name)}@{dialect.literal(host)}" if at else dialect.literal(user)


# ----------------------------------------------------------------------------------------------- listing


def held_rights(schemas: Sequence[str], user: str | None) -> tuple[str, Sequence[object]]:
    """Return the statement that lists the rights of a user of PostgreSQL: schema, table or '', right.

    Examples
    --------
    >>> held_rights(["lab"], "ann")[1]
    (['lab'], 'ann')
    """
    who = "coalesce($2::name, current_user)"
    text = (
        "SELECT n.nspname, c.relname, r.name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, "
        "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) r(name) WHERE n.nspname = ANY($1) "
        f"AND c.relkind IN ('r', 'p') AND has_table_privilege({who}, c.oid, r.name) "
        f"AND has_schema_privilege({who}, n.oid, 'USAGE') "
        "UNION ALL SELECT n.nspname, '', 'CREATE' FROM pg_namespace n "
        f"WHERE n.nspname = ANY($1) AND has_schema_privilege({who}, n.oid, 'CREATE')"
    )
    return text, (list(schemas), user)


def list_grants(user: str | None, dialect: Dialect) -> str:
    """Return the statement that lists the grants of a user of MySQL.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> list_grants(None, get_backend("mysql").dialect)
    'SHOW GRANTS'
    """
    return dialect.escape("SHOW GRANTS" + (f" FOR {_account(user, dialect)}" if user else ""))


def set_password(password: str, server: str, dialect: Dialect) -> tuple[str, list[object]]:
    """Return the statement by which users change their own password, and its parameters.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> set_password("x", "MySQL 8.4", get_backend("mysql").dialect)
    ('ALTER USER CURRENT_USER() IDENTIFIED BY %s', ['x'])
    >>> set_password("x", "PostgreSQL 16", get_backend("postgresql").dialect)
    ("ALTER ROLE CURRENT_USER PASSWORD 'x'", [])
    """
    if server.startswith("MariaDB"):  # where ALTER USER wants the right to administer users
        return "SET PASSWORD = PASSWORD(%s)", [password]
    if dialect.name == "mysql":
        return "ALTER USER CURRENT_USER() IDENTIFIED BY %s", [password]
    return f"ALTER ROLE CURRENT_USER PASSWORD {dialect.literal(password)}", []


_GRANT = re.compile(
    r"GRANT (?P<rights>.+?) ON (?:TABLE )?(?P<schema>\*|`(?:[^`]|``)+`)\.(?P<table>\*|`(?:[^`]|``)+`) TO .*"
)
_ROLE = re.compile(r"GRANT (?P<roles>[`'\"].+?) TO .*")
_DEFAULT_ROLE = re.compile(r"SET DEFAULT ROLE (?P<role>\S+) FOR .*")


def read_grants(lines: Iterable[str]) -> tuple[Rights, list[str], list[str]]:
    r"""Return the rights that grants of MySQL give, the roles they name, and the roles active by default.

    Examples
    --------
    >>> rights, roles, _ = read_grants(
    ...     [r"GRANT SELECT ON `my\_lab`.* TO `ann`@`%`", "GRANT `staff` TO `ann`@`%`"]
    ... )
    >>> rights.has(SELECT, TableName("my_lab", "subject")), roles
    (True, ['staff'])
    """
    tables: set[tuple[TableName, str]] = set()
    patterns: set[tuple[str, str]] = set()
    roles: list[str] = []
    active: list[str] = []
    for line in lines:
        if match := _GRANT.fullmatch(line):
            schema, table = (_bare(match[part]) for part in ("schema", "table"))
            for right in re.sub(r" \([^)]*\)", "", match["rights"]).split(", "):
                if table == "*":
                    patterns.add((_pattern(schema), right))
                else:
                    tables.update((TableName(schema, table), r) for r in _single(right))
        elif match := _DEFAULT_ROLE.fullmatch(line):
            active.append(_bare(match["role"]))
        elif match := _ROLE.fullmatch(line):
            roles += [_bare(role.partition("@")[0]) for role in match["roles"].split(",")]
    return Rights(frozenset(tables), frozenset(patterns)), roles, active


def _single(right: str) -> tuple[str, ...]:
    return (SELECT, INSERT, UPDATE, DELETE) if right == ALL else (right,)


def _bare(name: str) -> str:
    return name[1:-1].replace("``", "`") if name[:1] in "`'\"" else name


def _pattern(schema: str) -> str:
    """Return the regular expression of a pattern of MySQL."""
    if schema == "*":
        return ".*"
    forms = {"%": ".*", "_": "."}
    return "".join(forms.get(part) or re.escape(part[-1]) for part in re.findall(r"\\.|.", schema, re.DOTALL))

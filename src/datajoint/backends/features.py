"""What databases can do."""

from __future__ import annotations

from datetime import datetime

from datajoint._value import Value

__all__ = ["Features"]


class Features(Value):
    """What a database can do.

    Attributes
    ----------
    returning
        ``INSERT/UPDATE/DELETE … RETURNING``.
    cte_insert
        Writing statements inside WITH.
    multi_statement
        `Session.execute_batch` is one round trip by one packet of several statements.
    transactional_ddl
        CREATE and DROP are part of a transaction.
    nulls_smallest
        NULL sorts before all values by itself.
    full_outer_join
        FULL OUTER JOIN exists.
    nulls_order
        ``ORDER BY x NULLS FIRST`` is understood.
    infinity
        Float columns can hold ±inf.
    timestamps
        First and last moment of a ``timestamp``, None where all years can be stored.
    server
        Others can change the data from other machines.
    blocks
        ``BEGIN NOT ATOMIC … END`` holds several statements.
    conflict_by_key
        An upsert names the index whose values are taken (``ON CONFLICT (key)``); else it means any of them.
    open_cursors
        A cursor stays open beside other statements of the session.
    nested_comments
        ``/* … */`` may stand inside another comment.
    any_schema_name
        A schema may have any name; else lower-case letters, digits and underscores.
    schema_collation
        A schema has a collation, which its texts take.
    users
        There are users, with rights and passwords.
    rights_in_catalog
        The rights of users are rows of the catalog; else texts of ``SHOW GRANTS``.
    revokes_held_only
        ``REVOKE`` of a right that is not held is an error.
    temporary_right
        Temporary tables need a right of their own.
    row_count
        Without `cte_insert`: expression for the number of rows that the previous statement of a packet has
        changed, and the source of a SELECT that has a row unless it is 0.
    """

    returning: bool
    cte_insert: bool
    multi_statement: bool
    transactional_ddl: bool
    nulls_smallest: bool
    full_outer_join: bool
    nulls_order: bool
    infinity: bool
    server: bool
    blocks: bool = False
    conflict_by_key: bool = True
    open_cursors: bool = True
    nested_comments: bool = False
    any_schema_name: bool = True
    schema_collation: bool = False
    users: bool = True
    rights_in_catalog: bool = False
    revokes_held_only: bool = False
    temporary_right: bool = False
    row_count: tuple[str, str] = "", ""
    timestamps: tuple[datetime, datetime] | None = None

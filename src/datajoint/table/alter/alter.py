"""Altering a table to what its class defines: read, compare, show, ask, carry out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from datajoint import logging
from datajoint.declare.alteration import Alteration, alteration
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, TransactionError
from datajoint.heading.names import TableName
from datajoint.sql.system import EVENTS
from datajoint.table import prompt as prompts
from datajoint.table.alter.carry_out import BEGUN, carry_out, finish, text_of, undo
from datajoint.table.alter.check_rows import refuse_loss
from datajoint.table.alter.whole import all_rows

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable

__all__ = ["alter", "change_to"]


def alter(table: BoundTable, prompt: bool | None = None, context: Mapping[str, Any] | None = None) -> None:
    """Bring a table to the definition of its class; see `Table.alter`."""
    label, connection, name = table.class_name, table.connection, table.name
    prompts.refuse_conditions(label, "alter", prompt)
    redefine = table.binding.redefine
    if redefine is None:
        raise DataJointError(
            f"`{label}` has no definition beside that in the database.",
            hint="Write a class with the definition that is wanted, decorate it with its schema, alter it.",
        )
    if connection.is_atomic:
        raise TransactionError(
            f"Cannot alter `{label}` inside a transaction.", hint="Alter it before or after."
        )
    if table.is_restricted:
        raise DataJointError(
            f"alter() changes the whole of `{label}`, and this is restricted.", hint=f"Write {label}.alter()."
        )
    asks = prompts.needs_answer(connection.config, prompt)
    change = change_to(table, lambda: redefine(context))
    if change is None:
        print(f"Nothing to alter: `{label}` is what its definition says.")  # noqa: T201 - half of a dialogue
        return
    if asks:
        refuse_loss(connection, change)
        print(_shown(change, len(all_rows(connection, name))))  # noqa: T201 - half of a dialogue
        if not prompts.ask(f"Alter {label}?"):
            return
    carry_out(connection, change)


def change_to(table: BoundTable, define: Callable[[], TableSpec]) -> Alteration | None:
    """Return what brings a table to a definition, None where it is that; finish an interrupted alter before.

    Parameters
    ----------
    define
        Reads the definition, once the table was read again.
    """
    connection, name = table.connection, table.name
    connection.catalog.forget(name.schema)  # other processes may have altered it
    connection.catalog.spec(name)
    _resume(connection, name)
    defined = define()
    connection.catalog.declared[name] = defined
    change = alteration(connection.catalog.spec(name), defined)
    if change is None:
        finish(connection, name, {})
    return change


def _shown(change: Alteration, rows: int) -> str:
    label = change.found.name.class_name
    lines = [f"The table of `{label}`, of {rows} row{'' if rows == 1 else 's'}, will be altered:"]
    lines += [f"  {each.text}" for each in change.changes]
    if change.dropped:
        lines.append(
            f"Dropped: `{'`, `'.join(change.dropped)}`; values stay in its history, where it is kept."
        )
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------- an interrupted one


def _resume(connection: Connection, name: TableName) -> None:
    """Bring an alter to its end that was interrupted where DDL cannot be undone: by name, from its event."""
    if connection.dialect.features.transactional_ddl:
        return
    if connection.catalog.find(TableName(name.schema, EVENTS)) is None:
        return
    for row in _begun(connection, name):
        event, details = int(row["event"]), row["details"]
        present = text_of(connection.catalog.spec(name))
        if present == details["from"]:
            undo(connection, name, event)
            logging.logger.warning("an alter of `%s` was interrupted before it took place", name)
        else:
            finish(connection, name, details["renamed"], event, details)
            logging.logger.warning("an alter of `%s` was interrupted; its history is altered now", name)


def _begun(connection: Connection, name: TableName) -> list[dict[str, Any]]:
    events = all_rows(connection, TableName(name.schema, EVENTS))
    rows = (events & {"kind": "alter", "table_name": name.name[:64]}).to_dicts()
    return [row for row in rows if row["details"] is not None and row["details"].get("state") == BEGUN]

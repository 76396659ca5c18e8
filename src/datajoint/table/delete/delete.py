"""Delete of rows and all their dependents, and drop of tables."""

from __future__ import annotations

from collections.abc import Mapping

from datajoint import logging
from datajoint.algebra.plans.nodes import Query
from datajoint.engine import define, observe
from datajoint.errors import (
    ArgumentValueError,
    DataJointDeprecationWarning,
    DataJointError,
    IntegrityError,
    TransactionError,
)
from datajoint.graph import restrict
from datajoint.heading.names import PART, TableName
from datajoint.sql.system_tables import images
from datajoint.table import misspelt, prompt as prompts
from datajoint.table.bound import BoundTable
from datajoint.table.delete import cascade, estimate, followers
from datajoint.table.meta import class_level
from datajoint.table.queues import queue_of

__all__ = ["Deleting", "delete_alone"]


@class_level
class Deleting(BoundTable):
    """Deleting and dropping."""

    def delete(
        self, transaction: bool = True, prompt: bool | None = None, part_integrity: str = "enforce", *,
        safemode: bool | None = None, force_parts: bool | None = None, force: bool | None = None,
        verbose: bool | None = None,
    ) -> int:  # fmt: skip
        """Delete the rows and every row of any table that depends on them (DEL-1).

        Parameters
        ----------
        transaction
            False says that it is meant to be a part of the open transaction.
        prompt
            List the rows by table and ask first; default is the setting ``safemode``.
        part_integrity
            ``enforce`` refuses to take parts without their master, ``ignore`` does it, ``cascade`` deletes
            the master, too.
        safemode, force, force_parts, verbose
            Older spellings of ``prompt``, ``part_integrity="ignore"`` and of output.

        Returns
        -------
        int
            Number of rows deleted from this table; 0 when the answer was not yes.

        Raises
        ------
        IntegrityError
            When it would break the integrity of parts, or rows out of reach depend on these.
        TransactionError
            When it would have to ask inside a transaction.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.insert([{"subject_id": 1}, {"subject_id": 2}])
        >>> (Subject & {"subject_id": 2}).delete(prompt=False)
        1
        """
        prompts.refuse_conditions(self.class_name, "delete", transaction, prompt)
        prompt, part_integrity = _older(prompt, part_integrity, safemode, force_parts, force, verbose)
        restrict.check_integrity(part_integrity)
        misspelt.refuse_ignored(self.query, self.heading, self.class_name, "deleted")
        if self.name.tier == PART and part_integrity == "enforce":
            raise DataJointError(
                f"Cannot delete from the part table `{self.name}` directly. Delete from its master instead.",
                hint="Or pass part_integrity='ignore' to delete parts only, 'cascade' for masters, too.",
            )
        observe.writing(self.connection, self.name)
        asks = prompts.needs_answer(self.connection.config, prompt)
        if asks and self.connection.is_atomic:
            raise TransactionError(
                "Cannot ask for confirmation of a delete within a transaction.",
                hint="Pass prompt=False, or delete outside the transaction.",
            )
        return (
            _delete_asked(self, part_integrity) if asks else _delete(self, part_integrity).get(self.name, 0)
        )

    def delete_quick(self, get_count: bool = False) -> int | None:
        """Delete the rows without a question and without what depends on them (DEL-7).

        Parameters
        ----------
        get_count
            Return the number of rows deleted.

        Raises
        ------
        IntegrityError
            When other rows depend on these.
        """
        prompts.refuse_conditions(self.class_name, "delete_quick", get_count)
        misspelt.refuse_ignored(self.query, self.heading, self.class_name, "deleted")
        observe.writing(self.connection, self.name)
        try:
            count = cascade.Cascade(self.connection, self.name, self.query).delete_alone()
        except IntegrityError as error:
            _explain(self, error)
            raise
        return count if get_count else None

    def drop(
        self, prompt: bool | None = None, part_integrity: str = "enforce", *, force: bool | None = None
    ) -> None:
        """Drop the table and all tables that depend on it (DEL-9).

        Parameters
        ----------
        prompt
            List the tables and ask first; default is the setting ``safemode``.
        part_integrity
            ``enforce`` refuses to drop parts of a master that stays.

        Raises
        ------
        DataJointError
            For a restricted table, or where parts would lose their master.
        """
        prompts.refuse_conditions(self.class_name, "drop", prompt)
        if force is not None:
            _deprecated("force", "prompt=False")
            prompt = False if force else prompt
        if part_integrity not in ("enforce", "ignore"):
            raise ArgumentValueError(
                f"part_integrity of drop is 'enforce' or 'ignore', not {part_integrity!r}.",
                hint="To drop masters with their parts, drop the masters.",
            )
        _check_whole(self)
        self.connection.catalog.clear()  # what others have declared meanwhile depends on it, too
        if not self.is_declared:
            return
        graph = self.connection.catalog.load_family(self.database)
        names = graph.descendants(self.name)
        _check_parts(names, part_integrity)
        if prompts.needs_answer(self.connection.config, prompt):
            counts = {name: len(self._sibling(name)) for name in names}
            print(_listing("Tables to drop, with their rows:", counts))  # noqa: T201 - asked for
            if not prompts.ask(f"Proceed to drop {_number(len(names), 'table')}?"):
                return
        _drop(self, names)

    def drop_quick(self) -> None:
        """Drop this one table without a question.

        Raises
        ------
        IntegrityError
            When other tables refer to it.
        """
        _check_whole(self)
        self.connection.catalog.clear()
        if not self.is_declared:
            return
        if needed := _referring(self):
            raise IntegrityError(
                f"`{self.class_name}` cannot be dropped: {' and '.join(sorted(needed))} refer to it.",
                hint="Use drop(), which drops those, too.",
            )
        _drop(self, [self.name])


# --------------------------------------------------------------------------------------------------- deleting


@observe.unobserved()
def _delete_asked(table: BoundTable, part_integrity: str) -> int:
    """Show and ask, without a transaction; ask again where others have changed the rows meanwhile."""
    while True:
        work = cascade.Cascade(table.connection, table.name, table.query, part_integrity)
        rows = work.rows()
        shown = work.counts(rows)
        if not any(shown.values()):
            print("Nothing to delete.")  # noqa: T201 - the other half of a dialogue
            return 0
        listed = dict(shown)
        for other in followers.followers(work):
            listed |= {name: max(n, listed.get(name, 0)) for name, n in other.counts().items()}
        print(_listing("Rows to delete:", listed), _history(table, rows, shown), sep="\n")  # noqa: T201
        total = sum(listed.values())
        if not prompts.ask(f"Delete {_number(total, 'row')} from {_number(len(listed), 'table')}?"):
            return 0
        try:
            return _delete(table, part_integrity, shown).get(table.name, 0)
        except cascade.RowsChanged:
            print("The rows have changed in the meantime; nothing has been deleted.")  # noqa: T201


def delete_alone(table: BoundTable) -> None:
    """Delete rows with what depends on them, but without what their makes wrote into other tables.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> delete_alone(Subject())
    """
    _delete(table, "ignore", follow=False)


@observe.unobserved()
def _delete(
    table: BoundTable, part_integrity: str, shown: Mapping[TableName, int] | None = None, follow: bool = True
) -> dict[TableName, int]:
    connection, again = table.connection, True
    while True:
        work = cascade.Cascade(connection, table.name, table.query, part_integrity)
        try:
            removed = followers.delete_all(work, followers.followers(work) if follow else (), shown)
        except IntegrityError as error:
            if error.context.get("reason") != "has_children":
                raise
            if not again or connection.in_transaction:
                raise _blocked(table, error) from error
            again = False  # a table that was declared since we looked
            for schema in {name.schema for name in work.graph.specs}:
                connection.catalog.forget(schema)
            continue
        for name, n in removed.items():
            if n:
                logging.logger.info(f"deleted {_number(n, 'row')} from {name}")
        return removed


def _blocked(table: BoundTable, error: IntegrityError) -> IntegrityError:
    child = error.context.get("table", "another table")
    return IntegrityError(
        f"Rows of `{table.name}` cannot be deleted: rows of `{child}` depend on them and are out of reach.",
        hint="Ask for the right to see and delete these rows.",
        **error.context,
    )


def _older(
    prompt: bool | None, part_integrity: str, safemode: bool | None, force_parts: bool | None,
    force: bool | None, verbose: bool | None,
) -> tuple[bool | None, str]:  # fmt: skip
    """Read the older spellings of the options."""
    if verbose is not None:
        _deprecated("verbose", "dj.logger.setLevel")
    if safemode is not None:
        _deprecated("safemode", "prompt")
        prompt = safemode if prompt is None else prompt
    for name, value in (("force_parts", force_parts), ("force", force)):
        if value is not None:
            _deprecated(name, "part_integrity='ignore'")
            part_integrity = "ignore" if value else part_integrity
    return prompt, part_integrity


def _deprecated(name: str, instead: str) -> None:
    logging.warn(
        f"The argument `{name}` is the older spelling; use {instead}.",
        DataJointDeprecationWarning,
    )


# --------------------------------------------------------------------------------------------------- dropping


def _check_whole(table: BoundTable) -> None:
    misspelt.refuse_ignored(table.query, table.heading, table.class_name, "dropped")
    if table.is_restricted:
        raise DataJointError(
            "A restricted table cannot be dropped.",
            hint="Call drop() on the table itself, or delete() the rows.",
        )


def _check_parts(names: list[TableName], part_integrity: str) -> None:
    if part_integrity == "ignore":
        return
    for name in names:
        if name.tier == PART and name.master not in names:
            raise DataJointError(
                f"Attempt to drop part table `{name}` before its master `{name.master}`.",
                hint="Drop the master first, or pass part_integrity='ignore' to drop the part alone.",
            )


def _drop(table: BoundTable, names: list[TableName]) -> None:
    """Drop tables, children first, each with its queue of jobs and the old versions of its rows."""
    catalog = table.connection.catalog
    for schema in {name.schema for name in names}:
        catalog.forget(schema)  # others may have made queues and old versions meanwhile
    doomed: list[TableName] = []
    for name in reversed(names):
        beside = (queue_of(table.connection, name), images.shadow_name(name))
        doomed += [name, *(other for other in beside if catalog.find(other) is not None)]
    define.drop_tables(table.connection, doomed)
    logging.logger.info(f"dropped {', '.join(map(str, reversed(names)))}")


def _referring(table: BoundTable) -> list[str]:
    """Return the names of the tables that refer to a table, itself left out."""
    edges = table.connection.catalog.load_family(table.database).to_children(table.name)
    names = dict.fromkeys(edge.child for edge in edges if edge.child != table.name)
    return [f"`{table._reference_name(name)}`" for name in names]


def _explain(table: BoundTable, error: IntegrityError) -> None:
    """Put in our words that other rows refer to those deleted; the error stays the same object."""
    edges = table.connection.catalog.load_family(table.database).to_children(table.name)
    names = dict.fromkeys(f"`{table._reference_name(edge.child)}`" for edge in edges)
    error.message = (
        f"Rows of `{table.class_name}` are still needed: rows of {' or '.join(sorted(names))} refer to them."
    )
    error.args = (error.message,)
    error.suggest("Use delete(), which deletes those, too.")


# ---------------------------------------------------------------------------------------------------- showing


def _number(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _history(table: BoundTable, rows: Mapping[TableName, Query], counts: Mapping[TableName, int]) -> str:
    """Say what will be kept of rows."""
    size = estimate.history_bytes(table.connection, rows, counts)
    if size is None:
        return "No history of them is kept: they cannot be restored."
    return f"About {prompts.bytes_text(size)} of history will be kept, so that they can be restored."


def _listing(title: str, counts: Mapping[TableName, int]) -> str:
    """Return names and numbers in two aligned columns."""
    width = max(len(f"{n:,}") for n in counts.values())
    return "\n".join([title, *(f"  {n:>{width},}  {name}" for name, n in counts.items())])

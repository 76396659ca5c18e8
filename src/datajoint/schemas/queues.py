"""The job queues of a schema: a list of tables, and one queue with the attribute `table_name`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datajoint.heading.names import read_name
from datajoint.query.expression import QueryExpression
from datajoint.table.free import FreeTable
from datajoint.table.queues import owner_of

__all__ = ["Queues", "SomeJobs"]


class Queues(list[FreeTable]):
    """The queues of a schema; ``&`` and ``-`` restrict their jobs, as if they were in one table.

    Jobs have, beside the attributes of their queue, `table_name`: the table that they are for.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> len(schema.jobs), len(schema.jobs & {"status": "error"})
    (0, 0)
    """

    def _all(self) -> SomeJobs:
        return SomeJobs([(queue, _with_table(queue)) for queue in self])

    def __and__(self, restriction: Any) -> SomeJobs:
        return self._all() & restriction

    def __sub__(self, restriction: Any) -> SomeJobs:
        return self._all() - restriction

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the jobs of all queues."""
        return self._all().to_dicts()

    def fetch(self, *attributes: str, as_dict: bool = True) -> Any:
        """Return the jobs of all queues, or attributes of them; see `SomeJobs.fetch`."""
        return self._all().fetch(*attributes, as_dict=as_dict)

    def delete(self, prompt: bool | None = None, **options: Any) -> int:
        """Delete the jobs of all queues, and return how many there were."""
        return self._all().delete(prompt, **options)


class SomeJobs:
    """Jobs of some queues: a query for each of them.

    Examples
    --------
    >>> SomeJobs([]).to_dicts()
    []
    """

    def __init__(self, queries: list[tuple[FreeTable, QueryExpression]]) -> None:
        self._queries = queries

    def __and__(self, restriction: Any) -> SomeJobs:
        return SomeJobs([(queue, query & restriction) for queue, query in self._queries])

    def __sub__(self, restriction: Any) -> SomeJobs:
        return SomeJobs([(queue, query - restriction) for queue, query in self._queries])

    def __len__(self) -> int:
        return sum(len(query) for _, query in self._queries)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_dicts())

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the jobs."""
        return [row for _, query in self._queries for row in query.to_dicts()]

    def fetch(self, *attributes: str, as_dict: bool = True) -> Any:
        """Return the jobs as dicts, or a list for each of some attributes; ``"KEY"`` gives their keys.

        Parameters
        ----------
        *attributes
            Names of attributes; None stands where a queue does not have one.
        as_dict
            Without effect: jobs of several tables have different attributes. Older code gives it.
        """
        rows = self.to_dicts()
        if not attributes:
            return rows
        columns = [self._keys() if name == "KEY" else [row.get(name) for row in rows] for name in attributes]
        return columns[0] if len(columns) == 1 else tuple(columns)

    def _keys(self) -> list[dict[str, Any]]:
        return [
            {"table_name": row["table_name"], **{name: row[name] for name in queue.primary_key}}
            for queue, query in self._queries
            for row in query.to_dicts()
        ]

    def delete(self, prompt: bool | None = None, **options: Any) -> int:
        """Delete the jobs from their queues, and return how many there were; options as of tables."""
        return sum((queue & query.proj()).delete(prompt=prompt, **options) for queue, query in self._queries)

    def __repr__(self) -> str:
        return "\n".join(repr(query) for _, query in self._queries) or "no jobs"


def _with_table(queue: FreeTable) -> QueryExpression:
    """Return the jobs of a queue with the name of the table that they are for."""
    owner = owner_of(queue.heading.comment)
    name = read_name(owner).name if owner else queue.table_name.lstrip("~")
    return queue.proj(..., table_name=f"'{name}'")

"""Fetching as written for the releases before 2.0 (FET-12), and restrictions as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from datajoint import logging
from datajoint.errors import DataJointDeprecationWarning, DataJointError
from datajoint.query import frames, where

if TYPE_CHECKING:
    from datajoint.query.expression import QueryExpression
    from datajoint.query.restriction import AndList

__all__ = ["LegacyFetch", "Restricted"]


class Restricted:
    """What an expression was restricted by, as text."""

    @property
    def restriction(self) -> AndList:
        """The conditions that the expression was restricted by, as texts that restrict to the same rows.

        A condition by another query is SQL of this database: to show, not to restrict by again.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> (Subject & {"subject_id": 1} & "subject_id < 5").restriction
        AndList(['`subject_id`=1', 'subject_id < 5'])
        """
        expression = cast("QueryExpression", self)
        return where.restriction(expression.query, expression.connection)

    @property
    def restriction_attributes(self) -> set[str]:
        """Names of the attributes that the restriction uses."""
        return where.names(cast("QueryExpression", self).query)

    def where_clause(self) -> str:
        """Return the restriction as the WHERE of a statement; "" where there is none."""
        expression = cast("QueryExpression", self)
        return where.clause(expression.query, expression.connection)


class LegacyFetch:
    """The method ``fetch`` of the older interface."""

    def fetch(
        self, *attrs: str, offset: int | None = None, limit: int | None = None, order_by: Any = None,
        format: str | None = None, as_dict: bool | None = None, squeeze: bool = False,
    ) -> Any:  # fmt: skip
        """Fetch rows; `to_dicts`, `to_arrays`, `keys` and `to_pandas` are the present spelling.

        Parameters
        ----------
        *attrs
            Attributes, ``"KEY"`` for key dicts; none for all.
        format
            ``"array"`` or ``"frame"``, when no attributes are given.
        as_dict
            Return a list of dicts.
        """
        logging.warn(
            "fetch() is the older spelling; use to_dicts(), to_arrays(), keys() or to_pandas().",
            DataJointDeprecationWarning,
        )
        expression = cast("QueryExpression", self)
        options: dict[str, Any] = {"order_by": order_by, "limit": limit, "offset": offset}
        if format not in (None, "array", "frame"):
            raise DataJointError(f"Unknown fetch format {format!r}.", hint="Use 'array' or 'frame'.")
        if not attrs:
            if as_dict:
                return expression.to_dicts(squeeze=squeeze, **options)
            if format == "frame":
                return expression.to_pandas(squeeze=squeeze, **options)
            return expression.to_arrays(squeeze=squeeze, **options)
        if as_dict:
            return _dicts(expression, attrs, squeeze, options)
        return _columns(expression, attrs, squeeze, options)


def _dicts(
    expression: QueryExpression, attrs: tuple[str, ...], squeeze: bool, options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Fetch some attributes as dicts; the order may use others, which are not read."""
    names = [name for name in attrs if name != "KEY"]
    for name in names:
        if name not in expression.heading:
            raise expression.heading.unknown(name)
    wanted = dict.fromkeys([*(expression.primary_key if "KEY" in attrs else ()), *names])
    _, columns = expression._columns(tuple(wanted), **options)
    by_name = dict(zip(wanted, columns, strict=True))
    chosen = [frames.squeezed(by_name[name]) if squeeze else by_name[name] for name in wanted]
    return [dict(zip(wanted, row, strict=True)) for row in zip(*chosen, strict=True)]


def _columns(
    expression: QueryExpression, attrs: tuple[str, ...], squeeze: bool, options: dict[str, Any]
) -> Any:
    names = [name for name in attrs if name != "KEY"]
    if not names:
        keys = expression.keys(**options)
        return keys if len(attrs) == 1 else tuple(keys for _ in attrs)
    if "KEY" in attrs:
        keys, *arrays = expression.to_arrays(*names, include_key=True, squeeze=squeeze, **options)
    else:
        keys, found = [], expression.to_arrays(*names, squeeze=squeeze, **options)
        arrays = [found] if len(names) == 1 else list(found)
    by_name = dict(zip(names, arrays, strict=True))
    result: list[Any] = [keys if name == "KEY" else by_name[name] for name in attrs]
    return result[0] if len(result) == 1 else result

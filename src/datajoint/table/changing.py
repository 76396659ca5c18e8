"""The method by which users change many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from datajoint.table.meta import class_level
from datajoint.table.update import update_many

if TYPE_CHECKING:
    from datajoint.table.table import Table

__all__ = ["Changing"]


@class_level
class Changing:
    """Changing many rows."""

    def update(
        self, values: Mapping[str, Any], prompt: bool | None = None, *,
        allow_direct_update: bool | None = None,
    ) -> int:  # fmt: skip
        """Change attributes outside the key in all rows of the table, or of what it is restricted to (UPD-4).

        Parameters
        ----------
        values
            New values by attribute; None sets an attribute to its default.
        prompt
            Show how many rows change and the first of them, before and after, and ask first; default is the
            setting ``safemode``.
        allow_direct_update
            Update a computed table outside its make.

        Returns
        -------
        int
            Number of rows changed; 0 when the answer was not yes.

        Raises
        ------
        DataJointError
            When an attribute is unknown or of the key, or a value is refused; then nothing is changed.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = '''
        ...     subject_id : int32
        ...     ---
        ...     species : varchar(20)
        ...     '''
        >>> Subject.insert([{"subject_id": n, "species": "mouse"} for n in range(4)])
        >>> (Subject & "subject_id > 1").update({"species": "rat"}, prompt=False)
        2
        >>> Subject.to_arrays("species", order_by="KEY").tolist()
        ['mouse', 'mouse', 'rat', 'rat']
        """
        return update_many.update(cast("Table", self), values, prompt, allow_direct_update)

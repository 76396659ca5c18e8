"""Rules of a class for its rows, and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datajoint._value import Value
from datajoint.errors import DataJointError
from datajoint.heading import values as readers

__all__ = ["BLOCK", "WARN", "Check", "CheckOutcome", "Rows"]


Rows = list[dict[str, Any]]


BLOCK = "block"


WARN = "warn"


class Check:
    """A rule that the rows of a table keep, for the class attribute `checks`.

    Parameters
    ----------
    name
        Name of the rule in messages and events.
    condition
        A condition in portable SQL over the attributes of a row, as after ``&``; or a function that takes
        rows as a list of dicts and returns whether all is well: True or None, else False, a text that says
        what is wrong, or a bool for each row. An exception counts as a failure.
    severity
        ``"block"`` refuses rows that fail, ``"warn"`` lets them pass with a warning.

    Notes
    -----
    A condition on the row that the database itself is to enforce, whoever writes, is a line ``check name
    (condition)`` of the definition.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Trace(dj.Manual):
    ...     definition = '''
    ...     trace_id : int32
    ...     ---
    ...     rate : float64
    ...     '''
    ...     checks = [
    ...         dj.Check("positive", "rate > 0"),
    ...         dj.Check("slow", lambda rows: [row["rate"] < 1e3 for row in rows], severity="warn"),
    ...     ]
    >>> Trace.insert1({"trace_id": 1, "rate": -5})
    Traceback (most recent call last):
    ...
    datajoint.errors.CheckError: `Trace`: the check `positive` (rate > 0) fails for trace_id=1.
    """

    __slots__ = ("condition", "name", "severity")

    def __init__(self, name: str, condition: str | Callable[[Rows], Any], severity: str = BLOCK) -> None:
        if severity not in (BLOCK, WARN):
            raise DataJointError(
                f"The severity of the check `{name}` is {severity!r}.", hint="It is 'block' or 'warn'."
            )
        if not isinstance(condition, str) and not callable(condition):
            raise DataJointError(
                f"The condition of the check `{name}` is {readers.show(condition)}.",
                hint="It is a text, such as 'weight > 0', or a function of rows.",
            )
        self.name = name
        self.condition = condition
        self.severity = severity

    def __repr__(self) -> str:
        what = self.condition if isinstance(self.condition, str) else self.condition.__qualname__
        return f"Check({self.name!r}, {what!r}, severity={self.severity!r})"


class CheckOutcome(Value):
    """What a check found; true when it passed.

    Attributes
    ----------
    table, check, severity
        Which rule, of which table.
    rows
        Number of rows looked at.
    failed
        Keys of rows that fail, the first twenty; empty where a function judges them as a whole.
    message
        What is wrong, or an empty text.

    Examples
    --------
    >>> bool(CheckOutcome("Trace", "positive", "block", 3, (), ""))
    True
    """

    table: str
    check: str
    severity: str
    rows: int
    failed: tuple[Mapping[str, Any], ...]
    message: str

    @property
    def passed(self) -> bool:
        """Whether no row fails."""
        return not self.message

    def __bool__(self) -> bool:
        return self.passed

    def as_details(self) -> dict[str, Any]:
        """Return what its event keeps.

        Examples
        --------
        >>> CheckOutcome("Trace", "positive", "block", 3, (), "").as_details()
        {'check': 'positive', 'severity': 'block', 'passed': True, 'rows': 3}
        """
        details: dict[str, Any] = {
            "check": self.check, "severity": self.severity, "passed": self.passed, "rows": self.rows,
        }  # fmt: skip
        if not self.passed:
            keys = [{name: _plain(value) for name, value in key.items()} for key in self.failed]
            details |= {"message": self.message, "failed": keys}
        return details


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float, str, type(None))) else str(value)

"""What a make must take: a plain method is judged by its code, any other by its signature."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any

import pytest

from datajoint.errors import ComputeError
from datajoint.make.methods import check_values


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def outer(*values: Any) -> Any:
        return function(*values)

    return outer


class Methods:
    def none(self) -> None: ...
    def key_only(self, key: Any) -> None: ...
    def one(self, key: Any, a: Any) -> None: ...
    def default(self, key: Any, a: Any, b: Any = 1) -> None: ...
    def positional(self, key: Any, a: Any, /) -> None: ...
    def any_number(self, *values: Any) -> None: ...
    def one_or_more(self, key: Any, a: Any, *more: Any) -> None: ...
    def named(self, key: Any, *, a: Any) -> None: ...
    def named_default(self, key: Any, *, a: Any = 1) -> None: ...
    def by_name(self, key: Any, **more: Any) -> None: ...

    @staticmethod
    def static(key: Any, a: Any) -> None: ...

    @classmethod
    def of_class(cls, key: Any, a: Any) -> None: ...

    @wrapped
    def decorated(self, key: Any, a: Any) -> None: ...


NAMES = [name for name in vars(Methods) if not name.startswith("_")]


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("name", NAMES)
def test_the_values_of_one_part_are_those_that_python_lets_the_next_take(name: str, count: int) -> None:
    table, values = Methods(), list(range(count))
    try:
        signature(getattr(table, name)).bind({}, *values)
        fits = True
    except TypeError:
        fits = False
    if fits:
        check_values(table, "make_fetch", name, values)
    else:
        with pytest.raises(ComputeError, match=f"returned {count} value"):
            check_values(table, "make_fetch", name, values)

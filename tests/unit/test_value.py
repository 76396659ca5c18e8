"""Values refuse every change of their fields: they are shared and cached by text, by plan and by connection."""

import copy
import pickle

import pytest

from datajoint._value import Value, replace
from datajoint.heading.types import parse_type


class Point(Value):
    x: int
    y: int = 0


class Labelled(Point):
    label: str = ""


@pytest.mark.parametrize("value", [Point(1), Labelled(1, 2, "a"), parse_type("int8")])
def test_no_field_can_be_changed_or_deleted(value):
    for name in value.__match_args__:
        with pytest.raises(AttributeError, match=f"`{name}` cannot be changed"):
            setattr(value, name, None)
        with pytest.raises(AttributeError, match=f"`{name}` cannot be deleted"):
            delattr(value, name)


def test_a_type_stays_what_its_text_says():
    with pytest.raises(AttributeError):
        parse_type("int8").kind = "float64"
    assert parse_type("int8").kind == "int8"


def test_a_changed_copy_leaves_the_value_alone():
    first = Labelled(1, 2, "a")
    assert replace(first, y=5, label="b") == Labelled(1, 5, "b")
    assert first == Labelled(1, 2, "a")


def test_copies_and_pickles_are_equal():
    first = Labelled(1, 2, "a")
    assert copy.deepcopy(first) == copy.copy(first) == pickle.loads(pickle.dumps(first)) == first


def test_an_unknown_field_is_refused():
    with pytest.raises((AttributeError, TypeError)):
        replace(Point(1), z=3)

import pytest

from datajoint.declare.portable import native_type_notes, portable_type
from datajoint.heading.types import parse_type


@pytest.mark.statement("TYP-17")
@pytest.mark.parametrize(
    ("native", "core"),
    [
        ("int", "int32"),
        ("tinyint unsigned", "uint8"),
        ("bigint unsigned auto_increment", "uint64"),
        ("double", "float64"),
        ("numeric(5,2)", "decimal(5,2)"),
        ("boolean", "bool"),
        ("longblob", "<blob>` for objects or `bytes"),
        ("bit(1)", None),
        ("int32", None),
        ("<blob>", None),
    ],
)
def test_the_core_type_for_a_native_one(native, core):
    assert core == portable_type(parse_type(native))


@pytest.mark.statement("TYP-17")
def test_only_attributes_of_the_table_itself_are_named(declared):
    spec = declared("-> Numbered\n---\na : float\nb : float32\nc : bit(1)")
    assert (
        "`a` of `Child` has the native type `float`; the portable type is `float32`.",
        "`c` of `Child` has the native type `bit(1)`; other databases lack it.",
    ) == native_type_notes(spec)

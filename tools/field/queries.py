"""Questions that are asked of every table and every schema of a pipeline."""

from collections.abc import Callable
from typing import Any

import datajoint as dj

LIMIT = 3


def fetched_in_each_form(table: Any) -> None:
    """All forms of fetch give the same rows."""
    rows = table.fetch(as_dict=True)
    assert len(rows) == len(table()) == len(table.fetch()), "forms of fetch differ in length"
    keys = table.fetch("KEY")
    assert [{n: row[n] for n in table.primary_key} for row in rows] == keys or len(keys) == len(rows)
    names = list(table.heading.names)
    columns = table.fetch(*names)
    assert len(columns if len(names) > 1 else [columns]) == len(names)
    table.fetch(format="frame")
    table.fetch("KEY", order_by=table.primary_key, limit=LIMIT, offset=1)
    table.to_dicts(limit=LIMIT)


def restricted_by_each_key(table: Any) -> None:
    """A key finds one row, all keys find all, the opposite finds none."""
    keys = table.fetch("KEY", limit=LIMIT)
    for key in keys:
        assert len(table & key) == 1, f"{key} finds {len(table & key)} rows"
        (table & key).fetch1()
        (table & key).fetch1("KEY")
    assert len(table & keys) == len(keys)
    assert len(table - keys) == len(table()) - len(keys)
    assert len(table & table.proj()) == len(table())


def restricted_by_each_attribute(table: Any) -> None:
    """The value of an attribute, as a dict and as text, finds the row that holds it."""
    row = next(iter(table.fetch(as_dict=True, limit=1)), None)
    for name, attribute in table.heading.attributes.items():
        if row is None or attribute.is_blob or row[name] is None or "json" in attribute.type:
            continue
        if "float" in attribute.type:  # rounded: equal by chance only
            continue
        assert len(table & {name: row[name]}), f"{name} = {row[name]!r} finds nothing"
        if attribute.numeric or isinstance(row[name], str):
            assert len(table & f"{name} = {_literal(row[name])}"), f"{name} as text finds nothing"


def joined_with_relatives(table: Any) -> None:
    """Every reference finds its row in the parent; parents count what refers to them."""
    for parent, reference in table.parents(as_objects=True, foreign_key_info=True):
        theirs = reference["attr_map"]
        referring = dj.U(*theirs) & (table & dj.AndList(f"{own} is not null" for own in theirs))
        renamed = referring.proj(**{new: own for own, new in theirs.items() if own != new})
        assert not renamed - parent, "a reference finds no row"
        assert len(parent.aggr(renamed, found="count(*)", keep_all_rows=True)) == len(parent)
    for child in table.children(as_objects=True):
        (table.proj() & child.proj()).fetch("KEY")


def projected_and_united(table: Any) -> None:
    """Projection renames and back; a union with itself is itself."""
    first = table.primary_key[0] if table.primary_key else None
    if first:
        renamed = table.proj(other_name=first)
        assert len(renamed) == len(table())
        assert len(table.proj() + table.proj()) == len(table())
        assert len(dj.U(first) & table) <= len(table())
        dj.U().aggr(table, found="count(*)").fetch1("found")


def shown(table: Any) -> None:
    """Previews, the heading, the definition as text."""
    repr(table())
    table()._repr_html_()
    repr(table.heading)
    assert table.describe()


def related(table: Any) -> None:
    """Relatives, near and far."""
    assert table.full_table_name in table.ancestors()
    assert table.full_table_name in table.descendants()
    table.parts()
    table.parents()
    table.children()


def drawn(schema: Any) -> None:
    """The diagram in its forms."""
    diagram = dj.Diagram(schema)
    assert str(diagram)
    diagram.make_svg()
    diagram.make_mermaid()


def seen_without_classes(schema: Any) -> None:
    """A virtual module has every table and can read it."""
    module = dj.VirtualModule("virtual", schema.database)
    names = set(schema.list_tables())
    found = {
        value.table_name
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, dj.Table) and not issubclass(value, dj.Part)
    }
    assert {n for n in names if "__" not in n.lstrip("_#~")} == found, f"{names ^ found}"


def _literal(value: Any) -> str:
    return "'{}'".format(str(value).replace("'", "''")) if isinstance(value, str) else str(value)


OF_A_TABLE: tuple[Callable[[Any], None], ...] = (
    fetched_in_each_form,
    restricted_by_each_key,
    restricted_by_each_attribute,
    joined_with_relatives,
    projected_and_united,
    shown,
    related,
)
OF_A_SCHEMA: tuple[Callable[[Any], None], ...] = (drawn, seen_without_classes)

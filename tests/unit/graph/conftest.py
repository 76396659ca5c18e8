"""A small pipeline whose foreign keys are of every kind, without a database."""

from collections.abc import Callable
from typing import Any

import pytest

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import All, Equals, Query, Source
from datajoint.declare.parse import parse
from datajoint.declare.resolve import SELF, SelfReference, resolve
from datajoint.declare.spec import TableSpec
from datajoint.declare.syntax import Reference
from datajoint.graph.dependencies import DependencyGraph
from datajoint.heading.names import TableName, to_camel_case

DEFINITIONS = {
    "lab.subject": "subject : int32\n---\nspecies : varchar(20)",
    "lab.#rig": "rig : int16",
    "lab.session": "-> Subject\nsession : int16\n---\n-> [nullable] Rig",
    "lab.session__trial": "-> Session\ntrial : int16",
    "lab.session__mark": "-> Session.Trial\nmark : int16",
    "two.pair": "-> Subject.proj(first='subject')\n-> Subject.proj(second='subject')",
    "two.__score": "score : int32\n---\n-> Session.Trial",
    "two.person": "person : int32\n---\n-> [nullable] Person.proj(boss='person')",
}


class Pipeline:
    """The graph, the plans of its tables, and short ways to name and restrict them."""

    def __init__(self, definitions: dict[str, str]) -> None:
        specs: dict[str, TableSpec] = {}
        for full, text in definitions.items():
            name = TableName(*full.split("."))
            own = to_camel_case(name.name)

            def find(reference: Reference, own: str = own) -> TableSpec | SelfReference:
                return SELF if reference.path == own else specs[reference.path]

            specs[own] = resolve(parse(text, own), name, find)
        self.graph = DependencyGraph({spec.name: spec for spec in specs.values()})
        self._sources = {spec.name: Source(spec.name, spec.heading()) for spec in specs.values()}
        self._names = {own: spec.name for own, spec in specs.items()}

    def name(self, own: str) -> TableName:
        """Return the name of the table of a class."""
        return self._names[own]

    def source(self, name: TableName) -> Source:
        """Return the plan of a table."""
        return self._sources[name]

    def rows(self, own: str, **values: Any) -> Query:
        """Return rows of a table with some values."""
        query = Query(self.source(self.name(own)))
        if not values:
            return query
        terms = tuple(Equals(name) for name in values)
        condition = terms[0] if len(terms) == 1 else All(terms)
        return build.restrict(query, condition, tuple(values.values()))


@pytest.fixture(name="make_pipeline")
def _make_pipeline() -> Callable[[dict[str, str]], Pipeline]:
    return Pipeline


@pytest.fixture
def pipeline() -> Pipeline:
    """The pipeline of `DEFINITIONS`, made anew."""
    return Pipeline(DEFINITIONS)

"""Diagrams: which tables there are, how they hang together, and which rows follow from which."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from datajoint._edge import edge
from datajoint.algebra.plans.nodes import Query
from datajoint.declare.describe import describe
from datajoint.diagram.picture import Picture
from datajoint.diagram.render import dot, mermaid, png, svg, text
from datajoint.diagram.source import as_table, connection_of, find_name, module_labels, tables_of
from datajoint.diagram.view import DiagramView
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.graph.named import Edges, NamedGraph, Nodes, named
from datajoint.graph.restrict import constrain
from datajoint.heading.names import TableName
from datajoint.provenance.staleness.counts import counts_of
from datajoint.query import fetch
from datajoint.table.delete.cascade import Cascade, trace_rows
from datajoint.table.free import FreeTable
from datajoint.table.table import Table

__all__ = ["Diagram"]

_FORMATS = {
    "svg": "svg", "png": "png", "mmd": "mermaid", "mermaid": "mermaid", "dot": "dot", "gv": "dot",
    "txt": "text",
}  # fmt: skip


@edge
class Diagram:
    """Tables and the foreign keys between them.

    ``d + n`` adds n generations of children, ``d - n`` of parents; ``+``, ``-`` and ``*`` of two diagrams are
    union, difference and intersection. A diagram never changes: every operation gives a new one.

    Parameters
    ----------
    source
        A schema, a module with one, a table class or instance, an expression, or another diagram.
    context
        Accepted as in earlier releases; names come from the database.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> @schema
    ... class Session(dj.Manual):
    ...     definition = '''
    ...     -> Subject
    ...     session : int16
    ...     '''
    >>> print(dj.Diagram(Subject) + 1)
    ■ Subject
    └─■ Session
    <BLANKLINE>
    ■ manual   ─ primary
    <BLANKLINE>
    """

    _view: DiagramView
    _connection: Connection
    _rows: Mapping[TableName, Query] | None = None
    _mode: str = ""
    _context: Any = None
    _stale: Mapping[TableName, int] | None = None

    def __init__(self, source: Any, context: Any = None) -> None:
        if isinstance(source, Diagram):
            self.__dict__.update(source.__dict__)
            return
        self._context = context
        self._connection = connection_of(source)
        graph, names = tables_of(source, self._connection)
        self._view = DiagramView(graph, frozenset(names))

    @classmethod
    def from_sequence(cls, sequence: Iterable[Any]) -> Self:
        """Return the union of the diagrams of several sources."""
        diagrams = [cls(source) for source in sequence]
        if not diagrams:
            raise DataJointError("A diagram of nothing cannot be made: the sequence is empty.")
        total = diagrams[0]
        for diagram in diagrams[1:]:
            total += diagram
        return total

    @classmethod
    def _of_rows(cls, connection: Connection, rows: Mapping[TableName, Query], mode: str) -> Self:
        diagram = object.__new__(cls)
        diagram._connection = connection
        diagram._view = DiagramView(connection.catalog.graph, frozenset(rows))
        diagram._rows, diagram._mode = rows, mode
        return diagram

    def _with(self, view: DiagramView, rows: Mapping[TableName, Query] | None = None, mode: str = "") -> Self:
        diagram = object.__new__(type(self))
        diagram.__dict__.update(self.__dict__)
        diagram._view = view
        if rows is not None:
            diagram._rows, diagram._mode = rows, mode
        elif self._rows is not None:
            diagram._rows = {name: query for name, query in self._rows.items() if name in view.shown}
        return diagram

    # ------------------------------------------------------------------------------------------------ algebra

    def __add__(self, other: Any) -> Self:
        if _is_number(other):
            return self._with(self._view.grow(other))
        return self._with(self._view | self._operand(other))

    def __sub__(self, other: Any) -> Self:
        if _is_number(other):
            return self._with(self._view.grow(other, up=True))
        return self._with(self._view - self._operand(other))

    def __mul__(self, other: Any) -> Self:
        return self._with(self._view & self._operand(other))

    def __radd__(self, other: Any) -> Self:
        return self if other == 0 else type(self)(other) + self  # sum() begins with 0

    def _operand(self, other: Any) -> DiagramView:
        diagram = other if isinstance(other, Diagram) else type(self)(other)
        if diagram._connection is not self._connection:
            raise DataJointError("Diagrams of two connections cannot be combined.")
        return diagram._view

    def add_parts(self) -> Self:
        """Add all part tables of the masters shown (DIA-4)."""
        return self._with(self._view.add_parts())

    def collapse(self) -> Self:
        """Show each schema as one node with the number of its tables (DIA-5)."""
        return self._with(self._view.collapse())

    def path(self, ancestor: Any, descendant: Any) -> Self:
        """Show the tables on the way from one table to another one that depends on it (DIA-21)."""
        names = (find_name(which, self._view.graph.specs, "the diagram") for which in (ancestor, descendant))
        return self._with(self._view.path(*names))

    @property
    def context(self) -> Mapping[str, Any]:
        """The namespace that was given; names come from the database."""
        return self._context or {}

    @property
    def nodes(self) -> Nodes:
        """Full names of the tables shown, with their data."""
        return self._named().nodes

    @property
    def edges(self) -> Edges:
        """Foreign keys between the tables shown as (parent, child, number); called, with their data."""
        return self._named().edges

    def _named(self) -> NamedGraph:
        return named(self._view.graph, self._connection.dialect.table).subgraph(self.nodes_to_show)

    def subgraph(self, names: Iterable[str]) -> Self:
        """Return the diagram of some of the tables shown, given by their full names."""
        wanted = {name.replace("`", "").replace('"', "") for name in names}
        shown = frozenset(name for name in self._view.shown if str(name) in wanted)
        return self._with(self._view & DiagramView(self._view.graph, shown))

    @property
    def nodes_to_show(self) -> set[str]:
        """Quoted full names of the tables shown."""
        return {self._connection.dialect.table(name) for name in self._view.shown}

    def topological_sort(self) -> list[str]:
        """Return the full names of the tables shown, parents first.

        Raises
        ------
        DataJointError
            When foreign keys form a cycle.
        """
        return [self._connection.dialect.table(name) for name in self._view.sorted()]

    def __contains__(self, which: Any) -> bool:
        try:
            return find_name(which, self._view.shown, "the diagram") in self._view.shown
        except DataJointError:
            return False

    def __len__(self) -> int:
        return len(self._view.shown)

    def __bool__(self) -> bool:
        return bool(self._view.shown)

    # --------------------------------------------------------------------------------------------------- rows

    @classmethod
    def cascade(cls, table_expr: Any, part_integrity: str = "enforce") -> Self:
        """Return all tables with the rows that ``delete`` would remove; nothing is changed (DIA-13).

        Parameters
        ----------
        table_expr
            A table, restricted or not.
        part_integrity
            As of ``delete``: ``cascade`` takes in the masters of parts and their other parts.
        """
        table = _table(table_expr, "cascade")
        work = Cascade(table.connection, table.name, table.query, part_integrity)
        return cls._of_rows(table.connection, work.rows(), "cascade")

    @classmethod
    def trace(cls, table_expr: Any) -> Self:
        """Return the ancestors of a table with the rows that its rows derive from (DIA-15).

        Parameters
        ----------
        table_expr
            A table, restricted or not.
        """
        table = _table(table_expr, "trace")
        return cls._of_rows(table.connection, trace_rows(table.connection, table.name, table.query), "trace")

    def restrict(self, table_expr: Any) -> Self:
        """Restrict the tables of the diagram to what follows from some rows (DIA-16).

        Parameters
        ----------
        table_expr
            A table of the diagram, restricted or not. A table that follows from several restricted ones keeps
            the rows that follow from all of them.
        """
        if self._mode in ("cascade", "trace"):
            raise DataJointError(
                f"restrict() cannot follow Diagram.{self._mode}(): a diagram does one or the other.",
                hint="Begin with dj.Diagram(schema).restrict(...).",
            )
        table = _table(table_expr, "restrict")
        view, catalog = self._view, self._connection.catalog
        if table.name not in view.shown:
            raise DataJointError(
                f"Table `{table.name}` is not in the diagram.", hint="Add it first: diagram + Table."
            )
        before = {name: Query(catalog.source(name)) for name in view.shown} | dict(self._rows or {})
        rows = constrain(view.graph, table.name, table.query, before, catalog.source)
        touched = {*(self._rows or ()), *view.graph.descendants(table.name)}
        ordered = {name: rows[name] for name in view.sorted() if name in touched}
        return self._with(view, ordered, "restrict")

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each restricted table by its full name.

        Raises
        ------
        DataJointError
            When nothing has been restricted.
        """
        if self._rows is None:
            raise DataJointError("No restrictions applied.",
                                 hint="Use Diagram.cascade(), .trace() or .restrict() first.")  # fmt: skip
        table = self._connection.dialect.table
        return {table(name): fetch.count(query, self._connection) for name, query in self._rows.items()}

    def prune(self) -> Self:
        """Leave out the tables that have no rows, as restricted."""
        if self._mode == "cascade":
            raise DataJointError(
                "prune() cannot follow Diagram.cascade(): all dependent tables belong to a cascade."
            )
        kept = {name for name in self._view.shown if fetch.exists(self._query(name), self._connection)}
        pruned = DiagramView(self._view.graph, frozenset(kept), self._view.collapsed & kept)
        return self._with(pruned)

    def _query(self, name: TableName) -> Query:
        found = self._rows.get(name) if self._rows is not None else None
        return found or Query(self._connection.catalog.source(name))

    def _free(self, name: TableName) -> FreeTable:
        table = FreeTable(self._connection, name)
        restricted = self._rows is not None and name in self._rows
        return table._restricted(self._query(name)) if restricted else table

    def __getitem__(self, which: Any) -> FreeTable:
        """Return a table, restricted as the diagram is; by class, ``"Name"`` or ``"schema.Name"``."""
        what = "this trace: it is no ancestor of the traced table" if self._mode == "trace" else "the diagram"
        return self._free(find_name(which, self._view.shown, what))

    def __iter__(self) -> Iterator[FreeTable]:
        return iter([self._free(name) for name in self._view.sorted()])

    def __reversed__(self) -> Iterator[FreeTable]:
        return iter([self._free(name) for name in reversed(self._view.sorted())])

    # ------------------------------------------------------------------------------------------------ display

    def with_stale(self) -> Self:
        r"""Say how many rows of the tables shown are stale or possibly stale now (PRV-7).

        Tables that are attached to classes are compared with the code of today, too.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> @schema
        ... class Litter(dj.Computed):
        ...     definition = "-> Subject\n---\nsize : int32"
        ...
        ...     def make(self, key):
        ...         self.insert1({**key, "size": len(Subject())})
        >>> Subject.insert1({"subject_id": 1})
        >>> Litter.populate()
        {'success_count': 1, 'error_list': []}
        >>> Subject.insert1({"subject_id": 2})
        >>> print(dj.Diagram(schema).with_stale().make_text(legend=False))
        ■ Subject
        ┕━● Litter (1 stale)
        <BLANKLINE>
        """
        found = self._with(self._view)
        found._stale = counts_of(FreeTable(self._connection, name) for name in self._view.shown)
        return found

    def picture(self, definitions: bool = True) -> Picture:
        """Return what is to be drawn, as plain values.

        Parameters
        ----------
        definitions
            Put definitions into the tooltips.
        """
        view = self._view
        labels = module_labels(self._connection, {name.schema for name in view.shown})
        direction = self._connection.config.display.diagram_direction
        return view.picture(direction, self._describe if definitions else None, labels, self._stale)

    def _describe(self, name: TableName) -> str:
        def refer(other: TableName) -> str:
            return other.class_name if other.schema == name.schema else f"{other.schema}.{other.class_name}"

        return describe(self._view.graph.specs[name], refer)

    @property
    def _theme(self) -> str:
        return str(self._connection.config.display.diagram_theme)

    def make_svg(self) -> Svg:
        """Return the diagram as SVG text, which notebooks show as a drawing."""
        return Svg(svg.render(self.picture(), self._theme))

    def svg_string(self) -> str:
        """Return the diagram as SVG text."""
        return str(self.make_svg())

    def make_png(self) -> bytes:
        """Return the diagram as a PNG image."""
        return png.render(self.picture(), self._theme)

    def make_image(self) -> Any:
        """Return the diagram as an array of pixels of shape (height, width, channels)."""
        data = io.BytesIO(self.make_png())
        try:
            image = import_module("PIL.Image")
        except ImportError:
            try:
                imread = import_module("matplotlib.image").imread
            except ImportError as error:
                raise DataJointError("Pixels of a diagram need the package pillow or matplotlib.",
                                     hint="pip install pillow, or use make_svg().") from error  # fmt: skip
            return imread(data, format="png")
        from numpy import asarray

        return asarray(image.open(data))

    def make_dot(self, theme: str | None = None) -> str:
        """Return the diagram in the language of Graphviz."""
        return dot.render(self.picture(), theme or self._theme)

    def make_mermaid(self) -> str:
        """Return the diagram as Mermaid text."""
        return mermaid.render(self.picture(definitions=False), self._theme)

    def make_text(self, *, ascii: bool = False, ansi: bool = False, legend: bool = True) -> str:
        """Return the diagram as lines of text.

        Parameters
        ----------
        ascii
            Use plain characters only.
        ansi
            Use the colours of a terminal.
        legend
            Explain the marks.
        """
        return text.render(self.picture(definitions=False), ascii=ascii, ansi=ansi, legend=legend)

    def __str__(self) -> str:
        return self.make_text()

    def __repr__(self) -> str:
        n, schemas = len(self), sorted({name.schema for name in self._view.shown})
        return f"<Diagram of {n} table{'' if n == 1 else 's'} in {', '.join(schemas) or 'no schema'}>"

    def _repr_svg_(self) -> str:
        return self.svg_string()

    def _repr_html_(self) -> str:
        return self.svg_string()

    def draw(self) -> None:
        """Show the diagram: as a drawing in a notebook, as text elsewhere."""
        try:
            notebook = import_module("IPython")
        except ImportError:
            print(self)  # noqa: T201 - asked for
            return
        if notebook.get_ipython() is None:
            print(self)  # noqa: T201
        else:
            notebook.display.display(self)

    def save(self, filename: str | Path, format: str | None = None) -> None:
        """Write the diagram to a file.

        Parameters
        ----------
        filename
            Ends in ``.svg``, ``.png``, ``.mmd``, ``.mermaid``, ``.dot`` or ``.txt``.
        format
            Format, where the name does not tell it.
        """
        wanted = (format or Path(filename).suffix.lstrip(".")).lower()
        make = getattr(self, f"make_{_FORMATS[wanted]}", None) if wanted in _FORMATS else None
        if make is None:
            endings = ", ".join(f".{name}" for name in _FORMATS)
            raise DataJointError(
                f"Unsupported format of a diagram: {wanted or str(filename)!r}.",
                hint=f"Use one of {endings}.",
            )
        content = make()
        Path(filename).write_bytes(content if isinstance(content, bytes) else content.encode())


class Svg(str):
    """SVG text that notebooks show as a drawing."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)

    @property
    def data(self) -> str:
        """The text."""
        return str(self)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return False
    if value < 0:
        raise DataJointError(f"A number of generations must not be negative: {value}.")
    return True


def _table(given: Any, purpose: str) -> Table:
    operand = as_table(given)
    if not isinstance(operand, Table):
        raise DataJointError(f"{purpose}() takes a table, restricted or not, not {type(operand).__name__}.",
                             hint="Restrict a table by an expression: Table & expression.")  # fmt: skip
    return operand

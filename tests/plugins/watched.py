"""Watched plans against the oracle: the same rows, and the signatures of the rows that take part."""

from datajoint.algebra.analysis.watch import ROWS, summary, watch
from datajoint.engine.rows import RowDecoder
from datajoint.journal.reads.signature import Signature, signatures
from datajoint.sql.select import select_rows
from datajoint.testing.witnesses import witnesses_of
from plugins.lab import bag

EVENT_IDS = [457189557657566172, 1 << 62, 457189557657566172, 3, None, 2**63 - 1, 2147483647, 2147483629]


def with_events(table, rows):
    """Write events of all kinds into the rows of a table, and return the rows with them."""
    quote, key = table.connection.dialect.quote, table.primary_key
    where = " AND ".join(f"{quote(name)} = %s" for name in key)
    text = f"UPDATE {table.full_table_name} SET {quote('_event')} = %s WHERE {where}"
    rows = [{**row, "_event": EVENT_IDS[(n + len(rows)) % len(EVENT_IDS)]} for n, row in enumerate(rows)]
    for row in rows:
        table.connection.query(text, [row["_event"], *(row[name] for name in key)])
    return rows


def run(plan, values, connection):
    """Return names and decoded rows of a plan."""
    statement = select_rows(plan, connection.dialect)
    decoder = RowDecoder(plan.heading.values(), connection.dialect, connection.config)
    rows = connection.fetch_all(statement.text, statement.bind(values))
    return decoder.names, [list(row) for row in decoder.tuples(rows)]


def rounded(row):
    return {n: float(f"{v:.12g}") if isinstance(v, float) else v for n, v in row.items()}


def counts(signature):
    return signature.n, signature.known, signature.low, signature.high


def check_watched(expression, tables):
    """See that a watched plan gives the rows of the plan, and signatures those of the oracle."""
    query, connection = expression.query, expression.connection
    watched = watch(query.plan)
    names, rows = run(watched.plan, query.values, connection)
    own = query.heading.order
    plain = [rounded(dict(zip(names, row, strict=True))) for row in rows]
    assert bag(map(rounded, expression.to_dicts())) == bag({n: row[n] for n in own} for row in plain)

    found = signatures(watched.marks, names, rows)
    events = witnesses_of(query, tables)
    expected = list(map(Signature.of, events))
    if watched.identified:
        assert list(map(counts, expected)) == list(map(counts, found))
    else:
        assert expected == list(found)

    total = summary(query.plan)
    names, (row,) = run(total.plan, query.values, connection)
    assert len(rows) == row[names.index(ROWS)]
    assert list(found) == list(signatures(total.marks, names, [row]))

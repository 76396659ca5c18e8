"""What a connection sends to the database: `trips`."""

from contextlib import contextmanager


@contextmanager
def trips(connection):
    """Collect the texts that a connection sends, one for each trip."""
    session, sent = connection.session, []
    execute, batch = session.execute, session.execute_batch

    def noted(text, *rest, **options):
        sent.append(text)
        return execute(text, *rest, **options)

    def noted_batch(statements):
        if (
            connection.dialect.name != "sqlite" or statements[0][0] == "BEGIN"
        ):  # else it is executed one by one
            sent.append("; ".join(text for text, _ in statements))
        return batch(statements)

    session.execute, session.execute_batch = noted, noted_batch
    try:
        yield sent
    finally:
        session.__dict__.pop("execute", None)
        session.__dict__.pop("execute_batch", None)

"""The effects: connections, transactions, catalog, rows."""

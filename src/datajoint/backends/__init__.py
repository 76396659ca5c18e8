"""The databases: SQLite, PostgreSQL, MySQL and MariaDB behind one contract."""

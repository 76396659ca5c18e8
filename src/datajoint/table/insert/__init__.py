"""Insert: the paths of rows into a table."""

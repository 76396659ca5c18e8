"""Update of one row and of many rows."""

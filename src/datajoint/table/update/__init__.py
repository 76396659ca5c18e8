"""Update of one row and of several."""

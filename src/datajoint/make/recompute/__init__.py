"""Results computed again: reuse, refresh, verification."""

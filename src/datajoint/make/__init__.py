"""Make: one key is computed, and what it reads and writes is recorded."""

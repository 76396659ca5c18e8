"""SQL is written here, and only here."""

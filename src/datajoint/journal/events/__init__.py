"""Events: what every write records."""

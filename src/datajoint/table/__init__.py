"""Tables: what can be written to."""

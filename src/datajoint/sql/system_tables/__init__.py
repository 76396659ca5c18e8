"""Statements about the internal tables: jobs, workers, reads, history, marks."""

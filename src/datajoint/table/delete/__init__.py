"""Delete, its cascade and the estimate of its cost."""

"""Delete with its cascade and the estimate of its cost."""

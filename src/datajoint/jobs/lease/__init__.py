"""Leases of workers and the process that renews them."""

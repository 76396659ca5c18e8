"""Jobs: queues, reservations, leases, attempts. Existing code imports `Job` and `key_hash` from here."""

from datajoint._lazy import names_from

__all__, __getattr__ = names_from({"heading.keys": "key_hash", "jobs.jobs": "Jobs"}, Job="Jobs")

"""Jobs: queues, reservations, leases, attempts. Existing code imports `Job` and `key_hash` from here."""

from datajoint.heading.keys import key_hash as key_hash
from datajoint.jobs.jobs import Jobs as Jobs

"""Older import path of job queues and the digest of a key."""

from datajoint.compute.jobs import Jobs as Job
from datajoint.heading.keys import key_hash

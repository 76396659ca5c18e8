"""What computes: `datajoint.compute.offered`."""

from datajoint.compute.offered import *

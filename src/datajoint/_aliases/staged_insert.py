"""Import path of inserts that write to a store first."""

from datajoint.codecs.pending import StagedInsert, refuse as staged_insert1

"""Import path of inserts that write to a store first."""

from datajoint.table.insert.staged import StagedInsert, staged_insert1

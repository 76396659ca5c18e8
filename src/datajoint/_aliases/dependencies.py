"""Older import path of the graph of foreign keys."""

from datajoint.graph.named import LoadedGraph as Dependencies, topo_sort, unite_master_parts
from datajoint.heading.names import master_of as extract_master

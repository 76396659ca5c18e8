"""Make: the computation of one key, and the record of its reads and writes."""

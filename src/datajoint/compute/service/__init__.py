"""Workers that run for long and compute whatever comes."""

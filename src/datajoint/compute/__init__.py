"""Computing: keys, makes, populate."""

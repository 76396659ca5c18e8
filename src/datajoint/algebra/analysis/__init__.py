"""Questions about plans: what they read, watch and need."""

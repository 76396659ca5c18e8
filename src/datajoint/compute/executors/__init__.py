"""Where keys are computed: in this process, in several, elsewhere."""

"""Where rows come from, and whether they still hold."""

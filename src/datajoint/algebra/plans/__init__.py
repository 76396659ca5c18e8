"""Plans: nodes, construction, lowering to blocks."""

"""The algebra: plans, conditions, expressions, and how they become blocks of SQL."""

"""Query expressions and fetching."""

"""Changes of whole pipelines: the difference between code and database, shown as a plan, then carried out."""

"""Clusters: jobs of Slurm and Kubernetes that run workers or single keys."""

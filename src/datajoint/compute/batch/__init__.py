"""Workers that a cluster starts: SLURM arrays and Kubernetes jobs on the same job queue."""

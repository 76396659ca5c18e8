"""Workers: the service that keeps a pipeline computed."""

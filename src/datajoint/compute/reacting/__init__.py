"""What happens by itself while a worker runs: at times, on events, after outcomes."""

"""The commands of `dj`, one a module: `command` is what is run."""

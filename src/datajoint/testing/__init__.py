"""For tests of the language and of plug-ins."""

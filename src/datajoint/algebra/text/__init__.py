"""The language of conditions as text: tokens, parser, typing."""

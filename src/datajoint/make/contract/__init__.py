"""What a make may read and write."""

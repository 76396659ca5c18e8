"""What every write leaves behind."""

"""History: earlier versions of rows, as_of, restore, retention."""

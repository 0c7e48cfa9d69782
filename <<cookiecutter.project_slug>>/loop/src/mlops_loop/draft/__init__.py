"""A draft of the user's files from a table: `loop schema`."""

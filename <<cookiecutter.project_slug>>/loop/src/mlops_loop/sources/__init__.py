"""Where raw rows come from: files anywhere, a database, a JSON API; and whether they changed."""

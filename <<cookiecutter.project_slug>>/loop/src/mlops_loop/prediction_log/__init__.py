"""What was predicted and what came true, on disk: SQLite, or PostgreSQL for several replicas."""

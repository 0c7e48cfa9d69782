"""Predictions and their true outcomes on disk: SQLite, or PostgreSQL for several replicas."""

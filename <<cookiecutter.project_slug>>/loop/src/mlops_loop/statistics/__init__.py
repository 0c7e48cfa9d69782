"""Metrics, and how sure their estimates are."""

"""Serving against FastAPI's own limit and other servers."""

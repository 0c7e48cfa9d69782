"""The container: a bundle behind HTTP. Start at `app.py`."""

"""The endpoint: a bundle behind HTTP, at the edge like `access` and `page`. Start at `app.py`."""

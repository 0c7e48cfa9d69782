"""The web page: a form from the contract, and tables in bulk. Start at `routes.py`."""

"""A row in, a prediction out: bytes are checked against the contract. Start at `model.py`."""

"""A table in, predictions out, with the checks of the endpoint. Start at `table_model.py`."""

"""A row in, a prediction out: bytes are checked against the contract. Start at `model.py`.

Nothing here speaks HTTP: what goes wrong is raised as one of `errors.py`, and the rooms at the edge
(access, page, serving) turn it into an answer.
"""

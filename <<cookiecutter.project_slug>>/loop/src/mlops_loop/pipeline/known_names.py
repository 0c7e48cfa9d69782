"""The names in `data/anchors.json`: what is found again by its rows keeps the name it has there."""

from __future__ import annotations

import numpy as np

from mlops_loop import files, paths
from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.params import checked
from mlops_loop.tasks.task_names import Anchors
from mlops_loop.text import listed

AGAIN = "Next: loop anchors, then make pipeline gate"
RESTORE = f"Next: git checkout HEAD -- {paths.ANCHORS}, then loop anchors"


def read() -> Anchors:
    """The anchors that are there; raises UsageError for a file that holds something else."""
    return checked(paths.ANCHORS, files.read_json(paths.ANCHORS, RESTORE), Anchors)


def encode(anchors: Anchors, contract: Contract) -> np.ndarray:
    """The rows of the anchors, (n_rows, n_columns), as `Contract.encode_rows` gives them.

    Raises UsageError where they are no rows of this contract: a column is absent, or a value is
    none of its kind.
    """
    known = {name for anchor in anchors.rows for name in anchor.row}
    if lacking := [name for name in contract.names if name not in known]:
        raise UsageError(
            f"{paths.ANCHORS}: its rows lack {listed(lacking)}, which the model takes. {AGAIN}"
        )
    try:
        rows = contract.encode_rows([anchor.row for anchor in anchors.rows])
    except (TypeError, ValueError) as error:
        raise UsageError(f"{paths.ANCHORS}: {error}, in a column of numbers. {AGAIN}") from error
    if np.isinf(rows).any():
        raise UsageError(f"{paths.ANCHORS} holds a number that float32 cannot. {AGAIN}")
    return rows

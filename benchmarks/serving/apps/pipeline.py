"""What the usual endpoint and the peers share: the pipeline, asked with a DataFrame."""

import os
from pathlib import Path

import pandas as pd
import skops.io

PATH = Path(os.environ["WORK"]) / "usual.skops"


def load():
    """Return the fitted pipeline."""
    return skops.io.load(PATH, trusted=skops.io.get_untrusted_types(file=PATH))


def answer(model, rows) -> list[float]:
    """Return the probability of each row; `rows` is one row or many, as JSON gave them."""
    rows = rows if isinstance(rows, list) else [rows]
    return model.predict_proba(pd.DataFrame(rows))[:, 1].tolist()

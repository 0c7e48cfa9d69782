"""The project's own rows, a few thousand of them, and a model trained on these."""

from __future__ import annotations

import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from mlops_loop import files, params, paths, project
from mlops_loop.pipeline import ingest, prepare, split, train, validate

N_ROWS = 4000


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Tests run beside each other; threads that wait for each other would take all their time."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def own() -> params.Params:
    """The parameters of the project, with a quick search."""
    own = params.load()
    return own.model_copy(update={"train": own.train.model_copy(update={"n_iter": 1, "folds": 2})})


@pytest.fixture(scope="session")
def raw(own) -> pd.DataFrame:
    """Validated raw rows, evenly spread over the source.

    Of a source elsewhere, those that the stage `ingest` has read: tests know no passwords.
    """
    elsewhere = own.source.fingerprint == str(paths.SOURCE_STATE)
    if elsewhere and paths.INGESTED.exists():
        table = files.read_table(paths.INGESTED)
    else:
        table = ingest.read(own.source)
    return validate.validate(table.iloc[:: max(1, len(table) // N_ROWS)], project.raw_rows()).rows


@pytest.fixture(scope="session")
def parts(raw, own) -> dict[str, pd.DataFrame]:
    """Model rows by part: train, validation, holdout."""
    done = prepare.prepare(raw, own)
    part = split.part_of(done.rows, done.rule)
    return {name: done.rows[part == name].reset_index(drop=True) for name in split.PARTS}


@pytest.fixture(scope="session")
def trained(parts, own) -> train.Trained:
    """The model of the project, trained on the slice."""
    return train.train(parts["train"], parts["validation"], own)

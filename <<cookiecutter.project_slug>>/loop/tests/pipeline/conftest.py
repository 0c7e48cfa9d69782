"""A small made-up world: schemas, parameters and rows that have nothing to do with the sample."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.typing import Series
from sklearn import ensemble
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from mlops_loop import errors, params, paths, project
from mlops_loop.inference.rows import RowReader
from mlops_loop.model import bundle
from mlops_loop.pipeline import (
    evaluate,
    export,
    ingest,
    preflight,
    prepare,
    search,
    train,
    validate,
)
from mlops_loop.pipeline.cleaning import ADVICE
from mlops_loop.pipeline.model_pipeline import Estimator
from mlops_loop.pipeline.networks import NetworkClassifier, NetworkRegressor
from mlops_loop.sources.table import READERS

STAGES = (ingest, validate, prepare, train, export, evaluate)
TYPES = {"float": float, "int": int, "bool": bool, "str": str}
# What a library says of itself, and a user can do nothing with.
FOREIGN = r"Traceback|np\.|numpy|pandas|sklearn|pyarrow|<class|\b(Value|Key|Type|Runtime)Error\b"
TARGETS = {"binary": ["no", "yes"], "multi-class": ["low", "mid", "high"], "regression": []}


LAST = {"kind": "binary"}
ESTIMATORS = {
    False: {
        "linear": Estimator(partial(LogisticRegression, max_iter=1000), numbers="scaled"),
        "hist_gradient_boosting": Estimator(
            partial(ensemble.HistGradientBoostingClassifier, early_stopping=False),
            categories="codes",
        ),
        "random_forest": Estimator(
            partial(ensemble.RandomForestClassifier, n_jobs=-1), numbers="filled"
        ),
        "mlp": Estimator(NetworkClassifier, numbers="scaled"),
    },
    True: {
        "linear": Estimator(Ridge, numbers="scaled"),
        "hist_gradient_boosting": Estimator(
            partial(ensemble.HistGradientBoostingRegressor, early_stopping=False),
            categories="codes",
        ),
        "random_forest": Estimator(
            partial(ensemble.RandomForestRegressor, n_jobs=-1), numbers="filled"
        ),
        "mlp": Estimator(NetworkRegressor, numbers="scaled"),
    },
}


class Inputs(pa.DataFrameModel):
    """One column of each kind."""

    size: Series[float] = pa.Field(ge=-100, nullable=True, metadata={"unit": "cm"})
    count: Series[int] = pa.Field(ge=0)
    member: Series[bool]
    colour: Series[str] = pa.Field(isin=["red", "green", "blue"])
    town: Series[str] = pa.Field(nullable=True)

    class Config:
        coerce = True
        strict = "filter"


@pytest.fixture(scope="session")
def make_params(make_params) -> Callable[..., params.Params]:
    """As everywhere; the last kind that was asked for decides which estimators there are."""

    def make(kind: str = "binary", changes: dict[str, Any] | None = None) -> params.Params:
        LAST["kind"] = kind
        return make_params(kind, changes)

    return make


@pytest.fixture(scope="session")
def estimators() -> Callable[[], dict[str, Estimator]]:
    """The estimators that a new project starts with, for the last kind that was asked for."""
    return lambda: ESTIMATORS[LAST["kind"] == "regression"]


@pytest.fixture(autouse=True)
def _estimators(monkeypatch, estimators):
    monkeypatch.setattr(project, "estimators", estimators)


@pytest.fixture(autouse=True)
def _one_thread():
    """Many small fits are quicker without threads, above all beside other tests."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def model_input() -> type[pa.DataFrameModel]:
    """The model input of the made-up world."""
    return Inputs


@pytest.fixture
def inputs(model_input) -> type[pa.DataFrameModel]:
    """The same, for fixtures of a test."""
    return model_input


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., pd.DataFrame]:
    """`make_rows(300, "binary")`: rows with the columns of `Inputs`, and `_target` and so on."""

    def make(n: int = 300, kind: str = "binary", seed: int = 0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        size = rng.normal(10, 5, n)
        colour = rng.choice(["red", "green", "blue"], n)
        number = size + 8 * (colour == "red") + rng.normal(0, 2, n)
        rows = pd.DataFrame(
            {
                "id": np.arange(n),
                "size": np.where(rng.random(n) < 0.1, np.nan, size),
                "count": rng.integers(0, 9, n),
                "member": rng.random(n) < 0.5,
                "colour": colour,
                "town": pd.Series(rng.choice(["here", "there", "far"], n)).mask(
                    rng.random(n) < 0.1
                ),
                "team": rng.choice(["a", "b", "c"], n, p=[0.5, 0.46, 0.04]),
                "moment": pd.date_range("2024-01-01", periods=n, freq="6h").strftime("%FT%TZ"),
                "outcome": number,
            }
        )
        if TARGETS[kind]:
            cuts = np.quantile(number, np.linspace(0, 1, len(TARGETS[kind]) + 1)[1:-1])
            rows["outcome"] = np.array(TARGETS[kind])[np.searchsorted(cuts, number)]
        return rows.assign(
            _key=rows["id"].astype(str),
            _time=rows["moment"],
            _group=rows["team"] + (rows["id"] % 9).astype(str),
            _target=rows["outcome"],
        )

    return make


def make_schema(name: str, columns: Any) -> type[pa.DataFrameModel]:
    """`{"a": "float?", "b": "str"}`: a type for each column, `?` where values may be missing.

    A schema stays what it is.
    """
    if isinstance(columns, type):
        return columns
    kinds = [kind if isinstance(kind, tuple) else (kind, {}) for kind in columns.values()]
    members: dict[str, Any] = {
        f"c{i}": pa.Field(alias=column, nullable=kind.endswith("?"), **more)
        for i, (column, (kind, more)) in enumerate(zip(columns, kinds, strict=True))
    }
    types = {f"c{i}": Series[TYPES[kind.rstrip("?")]] for i, (kind, _) in enumerate(kinds)}
    config = type("Config", (), {"coerce": True, "strict": name == "ModelInput" and "filter"})
    return type(name, (pa.DataFrameModel,), members | {"__annotations__": types, "Config": config})


@pytest.fixture(scope="session")
def run_stages(tmp_path_factory, make_params) -> Callable[..., bundle.Bundle | str]:
    """`run_stages(table, {"a": "float?"}, "binary")`: the bundle, or the sentence that ended it.

    A table comes as from a database, text as a CSV file, and bytes as a file of `source.format`.
    `raw` are the types of the raw rows. Any error that is not one of ours is raised, as is a bundle
    that does not load, does not answer its golden rows, or measured nothing.
    """
    folder = tmp_path_factory.mktemp("odd") / "project"

    def run(source, columns, kind="binary", changes=None, raw=None) -> bundle.Bundle | str:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        usual: dict[str, Any] = {
            "evaluate.slices": [],
            "prepare.carry_columns": [],
            "split.max_overlap": 1,
        }
        usual["prepare.max_dropped_share"] = dict.fromkeys(ADVICE, 1)
        own = make_params(kind, usual | (changes or {}))
        with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
            patch.chdir(folder)
            patch.setattr(project, "raw_rows", lambda: make_schema("RawRows", raw or {}))
            patch.setattr(project, "model_rows", lambda rows: rows)
            patch.setattr(project, "model_input", lambda: make_schema("ModelInput", columns))
            if isinstance(source, pd.DataFrame):
                patch.setitem(READERS, "files", lambda _: source)
            else:
                content = source.encode() if isinstance(source, str) else source
                (folder / own.source.path).write_bytes(content)
            try:
                preflight.check(own)
                for stage in STAGES:
                    stage.run(own)
            except errors.ProjectError as error:
                return message_of(error)
            return proven(bundle.load(folder / paths.BUNDLE), own)

    return run


@pytest.fixture(scope="session")
def refused() -> Callable[[bundle.Bundle | str, str], None]:
    """`refused(result, "no column 'a'")`: it ended in a sentence that matches."""

    def check(result: bundle.Bundle | str, sentence: str) -> None:
        assert isinstance(result, str), f"{sentence!r} was expected, and there is a bundle"
        assert re.search(sentence, result), result

    return check


def message_of(error: errors.ProjectError) -> str:
    """The message, which is a sentence or a few of them, for people."""
    text = str(error)
    assert isinstance(error, (errors.UsageError, errors.DataRefused, errors.ExportDisagrees)), text
    assert "\n" not in text
    assert not re.search(FOREIGN, text), text
    assert 20 < len(text) < 1000, text
    return text


def proven(made: bundle.Bundle, own: params.Params) -> bundle.Bundle:
    """The bundle, which takes its golden rows as a server does, and gives the same scores."""
    golden = made.golden()
    body = json.dumps([line["row"] for line in golden], allow_nan=False)
    rows = RowReader(made.contract, len(golden)).read(body.encode())
    scores = made.predictor.scores(made.contract.encode_rows(rows))
    np.testing.assert_allclose(scores, [line["score"] for line in golden], rtol=1e-6)
    assert np.isfinite(scores).all()
    assert np.isfinite(made.read_json("metrics.json")[own.train.scoring])
    return made


@pytest.fixture
def rows_as_they_are(monkeypatch, inputs):
    """A project whose raw rows are the model's input already."""
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    monkeypatch.setattr(project, "raw_rows", lambda: inputs)
    monkeypatch.setattr(project, "model_rows", lambda raw: raw)


@pytest.fixture
def search_cache(monkeypatch, inputs, tmp_path):
    """Scores of candidates are kept in a folder of the test."""
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    monkeypatch.setattr(paths, "SEARCH_CACHE", tmp_path / "search")


@pytest.fixture
def fits(monkeypatch):
    """The values of every fit; `fits.interrupt_at = 3` is Ctrl-C in the third."""

    class Fits(list):
        interrupt_at = 0

    done, real = Fits(), search.fit

    def counted(blank, values, *rest):
        done.append(values)
        if len(done) == done.interrupt_at:
            raise KeyboardInterrupt
        return real(blank, values, *rest)

    monkeypatch.setattr(search, "fit", counted)
    return done

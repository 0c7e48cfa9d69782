"""What training would refuse is refused before a row is read."""

from __future__ import annotations

from functools import partial

import pandera.pandas as pa
import pytest
from click.testing import CliRunner
from pandera.typing import Series
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_loop import errors, params, project
from mlops_loop.commands import pipeline
from mlops_loop.pipeline import libraries, preflight
from mlops_loop.pipeline.model_pipeline import Estimator

pytestmark = pytest.mark.usefixtures("rows_as_they_are")
WRONG = [
    (
        {"train.scoring": "acuracy"},
        r"train\.scoring: .* no metric 'acuracy' .*Choose one of: .*roc",
    ),
    ({"train.estimator": "linaer"}, r"train\.estimator = 'linaer' .*Choose one of: linear"),
    (
        {"train.grid": {"c": [1.0]}},
        r"train\.grid\.c: .*'linear' has no .*Did you mean 'C'\? It has",
    ),
    ({"train.grid": {"model__C": [1.0]}}, r"train\.grid\.model__C: .*no such parameter"),
    ({"train.grid": {"C": [1.0, "much"]}}, r"train\.grid\.C: .*'C' .* float .*'much'"),
    ({"train.early_stopping": True}, r"train\.early_stopping: linear cannot do that"),
    ({"evaluate.cluster": "nowhere"}, r"evaluate\.cluster = 'nowhere'.*carry_columns.*'team'"),
]


@pytest.mark.parametrize("stage", ["ingest", "prepare", "train"])
@pytest.mark.parametrize(("changes", "reason"), WRONG, ids=[next(iter(c)) for c, _ in WRONG])
def test_it_is_refused_by_each_stage_that_may_be_the_first(
    make_params, monkeypatch, tmp_path, changes, reason, stage
):
    """With the key and what there is; the folder holds no file that the stage could read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(params, "load", lambda: make_params(changes=changes))
    result = CliRunner().invoke(getattr(pipeline, stage))
    assert isinstance(result.exception, errors.UsageError)
    with pytest.raises(errors.UsageError, match=reason):
        raise result.exception


class Rows(pa.DataFrameModel):
    """Raw rows, with the target."""

    size: Series[float]
    outcome: Series[str]


class Inherited(Rows):
    """What a model input is where it inherits raw rows."""


class Own(Rows):
    """A check that no client can be held to."""

    @pa.dataframe_check
    def large(cls, rows):
        return rows["size"] > 1


@pytest.mark.parametrize(
    ("raw", "inputs", "reason"),
    [
        (Rows, Inherited, r"ModelInput has the target 'outcome' \(target\.column\).*inherit"),
        (Rows, Own, "schema.ModelInput: dataframe_check"),
        (pa.DataFrameSchema({}), Rows, "DataFrameSchema is no model of pandera.pandas"),
    ],
    ids=["target", "check", "raw rows"],
)
def test_what_schema_py_may_not_say_is_refused_first(make_params, monkeypatch, raw, inputs, reason):
    """Before the search would call it a leak, or the contract be made."""
    monkeypatch.setattr(project, "raw_rows", lambda: raw)
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    with pytest.raises(errors.UsageError, match=reason):
        preflight.check(make_params(changes={"train.leakage_threshold": 1}))


def lacks(random_state: int) -> BaseEstimator:
    """Make a model of a library that is not there."""
    return __import__("xgboost_that_is_not_there")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: 3, r"'own' cannot be made with random_state=\d+: TypeError.*as lambda random_"),
        (lacks, r"imports 'xgboost_that_is_not_there', which is not.*uv add --group pipeline PACK"),
    ],
)
def test_a_model_that_cannot_be_made_is_refused(make_params, monkeypatch, make, reason):
    """With what to install, or what the function has to take."""
    monkeypatch.setattr(project, "estimators", lambda: {"own": Estimator(make)})
    with pytest.raises(errors.UsageError, match=reason):
        preflight.check(make_params(changes={"train.estimator": "own"}))


@pytest.mark.parametrize("name", libraries.LIBRARIES)
def test_a_known_library_that_is_missing_is_named_as_it_is_installed(
    make_params, monkeypatch, name
):
    """With what converts its models."""

    def missing() -> dict[str, Estimator]:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(project, "estimators", missing)
    packages = f"{libraries.LIBRARIES[name].package} onnxmltools"
    with pytest.raises(errors.UsageError, match=f"uv add --group pipeline {packages}$"):
        preflight.check(make_params())


@pytest.mark.parametrize("cluster", [None, "team", "colour", "size"])
def test_what_fits_is_taken(make_params, cluster):
    """Carried columns, slices and columns of the model are in the holdout."""
    grid = {"C": [0.1, 1], "fit_intercept": [True, False]}
    preflight.check(make_params(changes={"train.grid": grid, "evaluate.cluster": cluster}))


class Plain(BaseEstimator):
    """A model of another library, without rules for its parameters."""

    def __init__(self, depth: int = 1, random_state: int | None = None):
        self.depth = depth
        self.random_state = random_state


def scaled(random_state: int) -> BaseEstimator:
    """A pipeline, whose parameters have the names of its steps."""
    return make_pipeline(StandardScaler(), LogisticRegression(random_state=random_state))


@pytest.mark.parametrize(
    ("make", "grid"),
    [(Plain, {"depth": [1, "any"]}), (scaled, {"logisticregression__C": [1.0]})],
    ids=["other library", "steps"],
)
def test_models_of_any_kind_are_asked_for_their_own_parameters(
    make_params, monkeypatch, make, grid
):
    """An unknown one is refused, too; the grid of estimators.py counts where there is none."""
    own = {"own": Estimator(partial(make), grid=grid)}
    monkeypatch.setattr(project, "estimators", lambda: own)
    changes = {"train.estimator": "own", "train.grid": None}
    preflight.check(make_params(changes=changes))
    with pytest.raises(errors.UsageError, match=r"train\.grid\.height: .*no such parameter"):
        preflight.check(make_params(changes=changes | {"train.grid": {"height": [1]}}))
    own["own"] = Estimator(partial(make), grid={"height": [1]})
    with pytest.raises(errors.UsageError, match=r"^estimators\.py: grid\.height: .*no such"):
        preflight.check(make_params(changes=changes))

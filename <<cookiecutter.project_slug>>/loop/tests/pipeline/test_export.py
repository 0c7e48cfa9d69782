"""The exported model gives the pipeline's answers on every row, or is not passed on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from mlops_loop import errors, files, paths, project
from mlops_loop.model import predictor
from mlops_loop.pipeline import export, model_pipeline, probes, train
from mlops_loop.pipeline.model_pipeline import Estimator

NAMES = ("linear", "hist_gradient_boosting", "random_forest", "mlp")


@pytest.fixture
def trained(monkeypatch, tmp_path, inputs, make_rows, make_params):
    """`trained("linear", "binary", {...})` fits an estimator on 300 rows."""
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    monkeypatch.setattr(paths, "SEARCH_CACHE", tmp_path / "search")

    def fit(name: str = "linear", kind: str = "binary", more: dict | None = None) -> train.Trained:
        grids = {
            "hist_gradient_boosting": {"max_iter": [20]},
            "random_forest": {"n_estimators": [9]},
            "mlp": {"hidden_layer_sizes": [[8], [9, 5]]},
        }
        changes = {"train.estimator": name, "train.grid": grids.get(name, {})} | (more or {})
        rows = make_rows(300, kind)
        return train.train(rows, rows, make_params(kind, changes))

    return fit


@pytest.fixture
def lay_out(tmp_path, monkeypatch, make_rows):
    """`lay_out(trained)` is a folder in which training has just ended."""
    monkeypatch.chdir(tmp_path)

    def write(done: train.Trained, kind: str = "binary") -> None:
        files.write_table(make_rows(500, kind, 5), paths.PREPARED / "holdout.parquet")
        paths.TRAINED_PIPELINE.parent.mkdir(parents=True)
        files.write_skops(done.pipeline, paths.TRAINED_PIPELINE)
        done.contract.save(paths.TRAINED_CONTRACT)

    return write


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", export.FORMATS)
def test_every_estimator_agrees_on_every_row(lay_out, trained, make_params, name, kind, form):
    """Missing values and unseen categories included; contract and report are beside it."""
    lay_out(trained(name, kind), kind)
    export.run(make_params(kind, {"export.format": form}))
    report = files.read_json(paths.EXPORT_REPORT)
    assert report["n_rows"] == 500
    assert report["probes"].keys() == probes.KINDS.keys()
    for made in report["probes"].values():
        assert made["n_rows"] >= 50
        assert made["largest_difference"] <= 1e-5
    assert report["largest_difference"] <= report["tolerance"] == 1e-5
    assert {p.name for p in paths.EXPORTED.iterdir()} == {f"model.{form}", "contract.json"}


def agrees(lay_out, done, make_params, kind: str, form: str) -> bool:
    lay_out(done, kind)
    export.run(make_params(kind, {"export.format": form}))
    return files.read_json(paths.EXPORT_REPORT)["largest_difference"] <= 1e-5


@pytest.mark.parametrize("kind", ["binary", "multi-class"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("method", "form"), [("sigmoid", "onnx"), ("sigmoid", "skops"), ("isotonic", "skops")]
)
def test_calibration_agrees_on_every_row(lay_out, trained, make_params, name, kind, method, form):
    """Isotonic steps are no ONNX, and refused there by the parameters."""
    more = {"train.calibrate": method, "train.class_weight": "balanced", "export.format": form}
    assert agrees(lay_out, trained(name, kind, more), make_params, kind, form)


@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize("name", ["linear", "hist_gradient_boosting"])
@pytest.mark.parametrize("form", export.FORMATS)
@pytest.mark.parametrize("by", ["mutual_information", "importance"])
def test_selection_agrees_on_every_row(lay_out, trained, make_params, name, kind, form, by):
    """A function of scikit-learn and a forest are among the trusted types."""
    more = {"train.select": {"by": by, "keep": 4}}
    assert agrees(lay_out, trained(name, kind, more), make_params, kind, form)


def test_selection_and_calibration_agree_together(lay_out, trained, make_params):
    """As one pipeline."""
    more = {"train.calibrate": "sigmoid", "train.select": {"by": "importance", "keep": 4}}
    done = trained("hist_gradient_boosting", "binary", more)
    assert agrees(lay_out, done, make_params, "binary", "onnx")


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
@pytest.mark.parametrize("form", export.FORMATS)
def test_principal_components_agree_for_a_linear_model(lay_out, trained, make_params, form, kind):
    """Trees on them need skops."""
    done = trained("linear", kind, {"train.select": {"by": "pca", "keep": 5}})
    assert agrees(lay_out, done, make_params, kind, form)


@pytest.mark.parametrize(
    "grid",
    [
        {"loss": ["quantile"], "quantile": [0.9]},
        {"loss": ["absolute_error"]},
    ],
    ids=str,
)
@pytest.mark.parametrize("form", export.FORMATS)
def test_other_losses_agree(lay_out, trained, make_params, form, grid):
    """Quantiles and the median."""
    more = {"train.grid": grid | {"max_iter": [20]}}
    done = trained("hist_gradient_boosting", "regression", more)
    assert agrees(lay_out, done, make_params, "regression", form)


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
@pytest.mark.parametrize("categories", model_pipeline.CATEGORIES)
@pytest.mark.parametrize("rare", [1, 90], ids=["all seen", "rare unseen"])
def test_trees_agree_on_every_form_of_categories(
    tmp_path, trained, make_rows, make_params, estimators, monkeypatch, kind, categories, rare
):
    """Also where training rows hold categories that count as unseen."""
    name = "hist_gradient_boosting"
    make_params(kind)  # so that the estimators are those of this kind
    own = {name: replace(estimators()[name], categories=categories)}
    monkeypatch.setattr(project, "estimators", lambda: own)
    done = trained(name, kind, {"prepare.min_category_count": rare})
    assert (len(done.contract.columns[-1].levels) == 3) == (rare == 1)
    export.write_onnx(done.pipeline, done.contract, tmp_path)
    x = done.contract.encode_table(make_rows(500, kind, 5))
    x = np.concatenate([x, *probes.make_probes(x, done.contract).values()])
    found = predictor.load_predictor(tmp_path).scores(x)
    np.testing.assert_allclose(found, predictor.raw_scores(done.pipeline, x), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_unseen_and_missing_values_agree(tmp_path, trained, name):
    """Rows that no holdout has: all missing, unseen categories, extreme numbers."""
    done = trained(name)
    rows = [{}, {"colour": "pink", "town": "nowhere"}, {"size": 1e30, "count": -(10**9)}]
    x = done.contract.encode_rows(rows)
    export.write_onnx(done.pipeline, done.contract, tmp_path)
    found = predictor.load_predictor(tmp_path).scores(x)
    np.testing.assert_allclose(found, predictor.raw_scores(done.pipeline, x), atol=1e-5)


def test_the_same_pipeline_gives_the_same_onnx(tmp_path, trained):
    """Byte for byte."""
    done = trained("hist_gradient_boosting")
    for name in "ab":
        (tmp_path / name).mkdir()
        export.write_onnx(done.pipeline, done.contract, tmp_path / name)
    assert (tmp_path / "a/model.onnx").read_bytes() == (tmp_path / "b/model.onnx").read_bytes()


def test_nothing_in_the_onnx_hangs_on_the_order_of_a_set(tmp_path, trained):
    """Sets of text have another order in every process, so one process cannot show it."""
    done = trained("hist_gradient_boosting")
    export.write_onnx(done.pipeline, done.contract, tmp_path)
    domains = [opset.domain for opset in onnx.load(tmp_path / "model.onnx").opset_import]
    assert domains == sorted(domains)


def test_a_model_that_answers_differently_is_not_passed_on(
    lay_out, trained, make_params, monkeypatch
):
    """The stage fails with row and values, and the folder is gone."""
    lay_out(trained())

    def write_another(pipeline, contract, folder, opset):
        pipeline[-1].coef_ *= 1.01
        export.write_onnx(pipeline, contract, folder, opset)
        pipeline[-1].coef_ /= 1.01

    monkeypatch.setitem(export.FORMATS, "onnx", write_another)
    with pytest.raises(errors.ExportDisagrees, match=r"on \d+ of 500 holdout rows, .*\(row \d+: "):
        export.run(make_params())
    assert not paths.EXPORTED.exists()


def test_a_step_that_onnx_does_not_know_proposes_skops(tmp_path, trained):
    """The message names the parameter."""
    done = trained()
    odd = Pipeline([("odd", FunctionTransformer(np.sin)), *done.pipeline.steps])
    with pytest.raises(errors.ExportDisagrees, match=r"ONNX cannot .* export.format: skops"):
        export.write_onnx(odd, done.contract, tmp_path)


@pytest.fixture
def on_complete_rows(monkeypatch, make_rows, make_params, inputs):
    """`on_complete_rows(make)`: an own estimator, fitted to numbers as they are, none missing."""
    monkeypatch.setattr(project, "model_input", lambda: inputs)

    def fit(make) -> train.Trained:
        monkeypatch.setattr(project, "estimators", lambda: {"own": Estimator(make)})
        rows = make_rows(300).assign(size=make_rows(300)["size"].fillna(0))
        return train.train(rows, rows, make_params("binary", {"train.estimator": "own"}))

    return fit


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            partial(RandomForestClassifier, 9, n_jobs=1),
            r"^skl2onnx sends the missing values .* differs .* of 100 rows with a missing value, .*"
            'Next: .*numbers="filled"',
        ),
        (LogisticRegression, 'cannot answer rows with a missing value, .*numbers="filled"'),
    ],
)
def test_a_complete_holdout_hides_nothing(
    tmp_path, monkeypatch, on_complete_rows, make_rows, make_params, make, reason
):
    """The converter forgets the side of missing values; rows that have none would agree."""
    monkeypatch.chdir(tmp_path)
    done, rows = on_complete_rows(make), make_rows(500, "binary", 5)
    files.write_table(rows.assign(size=rows["size"].fillna(3)), paths.HOLDOUT)
    files.write_skops(done.pipeline, paths.TRAINED_PIPELINE)
    done.contract.save(paths.TRAINED_CONTRACT)
    with pytest.raises(errors.ExportDisagrees, match=reason):
        export.run(make_params("binary", {"train.estimator": "own"}))
    assert not paths.EXPORTED.exists()


def as_dates(rows: pd.DataFrame) -> pd.DataFrame:
    """Days as numbers such as 20260123: float32 holds the even ones only."""
    days = pd.to_datetime(rows["moment"]).dt.strftime("%Y%m%d").astype(int)
    return rows.assign(count=days, _target=np.where(days % 3 == 0, "yes", "no"))


@pytest.mark.parametrize("form", export.FORMATS)
def test_boosting_on_float32_neighbours_is_exported(
    lay_out, monkeypatch, inputs, make_rows, make_params, form
):
    """The converter would round a cut between two neighbours up to the upper one."""
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    rows, changes = as_dates(make_rows(600)), {"train.estimator": "hist_gradient_boosting"}
    changes |= {"train.grid": {"max_iter": [40], "min_samples_leaf": [3]}, "export.format": form}
    changes |= {"train.leakage_threshold": 1}
    lay_out(train.train(rows, rows, make_params("binary", changes)))
    files.write_table(as_dates(make_rows(500, "binary", 5)), paths.HOLDOUT)
    export.run(make_params("binary", changes))
    assert files.read_json(paths.EXPORT_REPORT)["largest_difference"] <= 1e-5

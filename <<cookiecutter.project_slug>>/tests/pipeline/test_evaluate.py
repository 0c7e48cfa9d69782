"""Metrics by slice, golden rows that clients can send, and a bundle made of it all."""

from __future__ import annotations

import json

import numpy as np
import pytest

from <<cookiecutter.__package_name>> import bundle, metrics
from <<cookiecutter.__package_name>>.pipeline import (
    derive,
    evaluate,
    export,
    files,
    prepare,
    train,
)


@pytest.fixture
def measured(make_rows, make_scores, make_contract):
    """Rows, true values, scores and contract of 200 measured rows."""
    return make_rows(200), *make_scores("binary", 200), make_contract()


def test_a_slice_has_the_metrics_of_its_rows(measured, make_params):
    """Every value of every slice column, with its support."""
    rows, y, scores, contract = measured
    records = evaluate.by_slice(rows, y, scores, contract, make_params())
    assert {(r["column"], r["value"]) for r in records} == {
        *(("team", team) for team in "abc"),
        *(("colour", colour) for colour in ("red", "green", "blue")),
    }
    red = next(r for r in records if r["value"] == "red")
    inside = (rows["colour"] == "red").to_numpy()
    assert red["n_rows"] == inside.sum()
    assert red["roc_auc"] == metrics.score_all(y[inside], scores[inside], contract)["roc_auc"]


def test_a_small_slice_is_listed_without_metrics(measured, make_params):
    """A number from five rows would be taken for a fact."""
    records = evaluate.by_slice(*measured, make_params())
    small = [r for r in records if r["n_rows"] < 20]
    assert [set(r) for r in small] == [{"column", "value", "n_rows"}]


def test_rows_without_a_value_are_a_slice(measured, make_params):
    """The slices of a column cover all rows, missing values among them."""
    params = make_params(changes={"evaluate.slices": ["town"]})
    records = evaluate.by_slice(*measured, params)
    assert sum(r["n_rows"] for r in records) == 200
    assert "nan" in {r["value"] for r in records}


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_golden_rows_are_json_that_clients_can_send(monkeypatch, inputs, make_rows, make_params, n):
    """Encoded again they are what was encoded from the table; missing values are null."""
    rows = make_rows(60)
    rows["count"] = rows["count"].astype("Int64")
    contract = derive.derive_contract(inputs.to_schema(), rows, make_params())
    golden = json.loads(json.dumps(evaluate.golden_rows(rows, contract, n), allow_nan=False))
    assert len(golden) == min(n, 60)
    picked = rows.iloc[np.unique(np.linspace(0, 59, len(golden)).astype(int))]
    np.testing.assert_array_equal(contract.encode_rows(golden), contract.encode_table(picked))


@pytest.fixture
def project(tmp_path, monkeypatch, inputs, make_rows):
    """`project(params, kind)` is a folder in which export has just ended."""
    monkeypatch.setattr(train, "ModelInput", inputs)
    monkeypatch.setattr(prepare, "ModelInput", inputs)
    monkeypatch.setattr(prepare, "model_rows", lambda raw: raw)
    monkeypatch.chdir(tmp_path)

    def lay_out(params, kind):
        raw = make_rows(400, kind)
        files.write_table(raw[[c for c in raw if not c.startswith("_")]], prepare.VALIDATED)
        for stage in (prepare, train, export):
            stage.run(params)

    return lay_out


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
def test_run_makes_a_bundle_that_loads(project, make_params, kind):
    """Its golden rows get the scores that it holds, and its metrics are those of the report."""
    params = make_params(kind)
    project(params, kind)
    evaluate.run(params)
    made = bundle.load(evaluate.BUNDLE)
    golden = made.golden()
    scores = made.predictor.scores(made.contract.encode_rows(line["row"] for line in golden))
    np.testing.assert_array_equal(scores, [line["score"] for line in golden])
    assert made.read_json("metrics.json") == files.read_json(evaluate.METRICS)
    assert made.manifest["split"] == files.read_json(prepare.RULE)


def test_the_frozen_bins_of_the_bundle_are_exact(project, make_params):
    """A rounded limit would count its own row into the next bin."""
    project(make_params(), "binary")
    evaluate.run(make_params())
    size = bundle.load(evaluate.BUNDLE).read_json("reference.json")["columns"]["size"]
    values = files.read_table(evaluate.PREPARED / "train.parquet")["size"].dropna()
    assert size["edges"] == np.quantile(values, np.linspace(0.1, 0.9, 9)).tolist()


def test_the_bundle_has_no_old_files(project, make_params):
    """What an earlier export left is gone."""
    project(make_params(), "binary")
    evaluate.BUNDLE.mkdir(parents=True)
    (evaluate.BUNDLE / "model.skops").write_text("old")
    evaluate.run(make_params())
    assert not (evaluate.BUNDLE / "model.skops").exists()


def test_the_first_run_and_the_second_give_the_same_bundle(project, make_params):
    """Nothing in it depends on the time."""
    project(make_params(), "binary")
    ids = []
    for _ in range(2):
        evaluate.run(make_params())
        ids.append(bundle.load(evaluate.BUNDLE).id)
    assert ids[0] == ids[1]

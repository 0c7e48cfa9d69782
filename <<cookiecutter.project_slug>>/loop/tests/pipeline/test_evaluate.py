"""Metrics by slice, golden rows that clients can send, and a bundle made of it all."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mlops_loop import files, paths, project
from mlops_loop.daily.reference import Reference
from mlops_loop.errors import DataRefused
from mlops_loop.model import bundle, contract
from mlops_loop.pipeline import assemble, derive, evaluate, export, prepare, train
from mlops_loop.statistics import bootstrap
from mlops_loop.statistics.resampling import Resampling
from mlops_loop.tasks import metrics


@pytest.fixture
def measured(make_rows, make_scores, make_contract):
    """Two hundred rows and a model that was scored on them."""
    y, scores = make_scores("binary", 200)
    return make_rows(200), bootstrap.Contender("made", "", make_contract(), y, scores)


@pytest.fixture
def quick(make_params):
    """Parameters with few resamples."""
    return make_params(changes={"evaluate.resamples": 100})


def test_a_slice_has_the_metrics_of_its_rows(measured, quick):
    """Every value of every slice column, with its support and the intervals that were asked."""
    rows, model = measured
    records = evaluate.by_slice(rows, model, ["log_loss"], quick)
    assert {(r["column"], r["value"]) for r in records} == {
        *(("team", team) for team in "abc"),
        *(("colour", colour) for colour in ("red", "green", "blue")),
    }
    red = next(r for r in records if r["value"] == "red")
    inside = np.flatnonzero(rows["colour"] == "red")
    part = model.take(inside)
    assert red["n_rows"] == len(inside)
    assert red["roc_auc"] == metrics.score_all(part.y, part.scores, part.contract)["roc_auc"]
    rule = Resampling.of(quick.evaluate, quick.seed)
    assert red["intervals"] == evaluate.intervals(part, ["log_loss"], rule, None)


def test_a_small_slice_is_listed_without_metrics(measured, quick):
    """A number from five rows would be taken for a fact."""
    records = evaluate.by_slice(*measured, [], quick)
    small = [r for r in records if r["n_rows"] < 20]
    assert [set(r) for r in small] == [{"column", "value", "n_rows"}]


def test_rows_without_a_value_are_a_slice(measured, make_params):
    """The slices of a column cover all rows, missing values among them."""
    params = make_params(changes={"evaluate.slices": ["town"]})
    records = evaluate.by_slice(*measured, [], params)
    assert sum(r["n_rows"] for r in records) == 200
    assert "(missing)" in {r["value"] for r in records}


def test_intervals_hold_the_estimate_and_narrow_with_rows(make_scores, make_contract, quick):
    """Of every metric; a quarter of the rows gives about twice the width."""
    width = {}
    for n in (200, 800):
        model = bootstrap.Contender("", "", make_contract(), *make_scores("binary", n))
        rule = Resampling.of(quick.evaluate, quick.seed)
        low, high = evaluate.intervals(model, ["roc_auc"], rule, None)["roc_auc"]
        assert low < model.value(metrics.find("classification", "roc_auc")) < high
        width[n] = high - low
    assert width[200] / width[800] == pytest.approx(2, rel=0.3)


def test_rows_of_one_cluster_are_drawn_together(measured, make_params):
    """By the rule of the parameters, in slices too; wider than rows one by one."""
    rows, model = measured
    rows = rows.assign(day=np.arange(200) // 20)
    model = model.take(np.argsort(abs(model.y - model.scores[:, 1]), kind="stable"))
    alone, days = (
        make_params(changes={"evaluate.cluster": c, "evaluate.slices": ["all"]})
        for c in (None, "day")
    )
    found = [evaluate.measure(rows.assign(all="all"), model, p) for p in (alone, days)]
    for parts in (
        [one["intervals"] for one in found],
        [o["slices"][0]["intervals"] for o in found],
    ):
        narrow, wide = (high - low for low, high in (part["log_loss"] for part in parts))
        assert wide > 1.5 * narrow


def test_a_cluster_that_is_not_a_column_is_named(measured, make_params):
    """As in the gate, and before anything is written."""
    params = make_params(changes={"evaluate.cluster": "day"})
    with pytest.raises(DataRefused, match=r"no column day\. It has: "):
        evaluate.measure(*measured, params)


def slice_of(value: str, loss: float, half: float = 0.1, column: str = "team") -> dict:
    return {
        "column": column,
        "value": value,
        "n_rows": 100,
        "log_loss": loss,
        "intervals": {"log_loss": [loss - half, loss + half]},
    }


def test_the_widest_gap_is_between_best_and_worst():
    """By column; the interval is that of a difference of independent groups."""
    slices = [slice_of("a", 0.5, 0.3), slice_of("b", 0.9, 0.4), slice_of("c", 0.7)]
    slices += [{"column": "team", "value": "d", "n_rows": 3}, slice_of("x", 1.0, column="alone")]
    [gap] = evaluate.widest_gaps(slices, "log_loss")
    assert (gap["column"], gap["high"], gap["low"]) == ("team", "b", "a")
    assert gap["gap"] == pytest.approx(0.4)
    assert gap["interval"] == pytest.approx([0.4 - 0.5, 0.4 + 0.5])


def test_a_slice_without_a_number_is_in_no_gap():
    """A metric that its rows do not define cannot be compared."""
    slices = [slice_of("a", 0.5), slice_of("b", float("nan"))]
    assert evaluate.widest_gaps(slices, "log_loss") == []


def test_importance_is_that_of_the_column_that_matters(make_params, make_contract):
    """A model that looks at one column loses by that alone; others lose nothing."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(500, 2))
    columns = (contract.Column("noise", "number"), contract.Column("signal", "number"))
    own = dataclasses.replace(make_contract("regression"), columns=columns)
    model = bootstrap.Contender("", "", own, matrix[:, 1], matrix[:, 1])
    found = evaluate.importance(lambda rows: rows[:, 1], matrix, model, make_params("regression"))
    assert [record["column"] for record in found] == ["signal", "noise"]
    assert found[1]["loss"] == found[1]["spread"] == 0
    # Two independent standard normal values are 2 / sqrt(pi) apart on average.
    assert found[0]["loss"] == pytest.approx(2 / np.sqrt(np.pi), rel=0.1)


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_golden_rows_are_json_that_clients_can_send(monkeypatch, inputs, make_rows, make_params, n):
    """Encoded again they are what was encoded from the table; missing values are null."""
    rows = make_rows(60)
    rows["count"] = rows["count"].astype("Int64")
    own = derive.derive_contract(inputs.to_schema(), rows, make_params())
    golden = json.loads(json.dumps(assemble.golden_rows(rows, own, n), allow_nan=False))
    assert len(golden) == min(n, 60)
    picked = rows.iloc[np.unique(np.linspace(0, 59, len(golden)).astype(int))]
    np.testing.assert_array_equal(own.encode_rows(golden), own.encode_table(picked))


@pytest.fixture
def lay_out(tmp_path, monkeypatch, inputs, make_rows):
    """`lay_out(params, kind)` is a folder in which export has just ended."""
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    monkeypatch.setattr(project, "raw_rows", lambda: inputs)
    monkeypatch.setattr(project, "model_rows", lambda raw: raw)
    monkeypatch.chdir(tmp_path)

    def lay_out(params, kind):
        raw = make_rows(400, kind)
        files.write_table(raw[[c for c in raw if not c.startswith("_")]], paths.VALIDATED)
        for stage in (prepare, train, export):
            stage.run(params)

    return lay_out


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
def test_run_makes_a_bundle_that_loads(lay_out, make_params, kind):
    """Its golden rows get the scores that it holds, and its metrics are those of the report."""
    params = make_params(kind)
    lay_out(params, kind)
    evaluate.run(params)
    made = bundle.load(paths.BUNDLE)
    golden = made.golden()
    scores = made.predictor.scores(made.contract.encode_rows([line["row"] for line in golden]))
    np.testing.assert_array_equal(scores, [line["score"] for line in golden])
    assert made.read_json("metrics.json") == files.read_json(paths.METRICS)
    assert made.manifest["split"] == files.read_json(paths.SPLIT_RULE)
    whole = files.read_json(paths.EVALUATION_REPORT)
    metric = metrics.find(made.contract.task, params.train.scoring)
    known = whole["baselines"][metric.name]
    assert metric.sign * (whole["metrics"][metric.name] - known["constant"]) > 0
    assert metric.sign * (known["shallow"] - known["constant"]) > 0


def test_the_frozen_bins_of_the_bundle_are_exact(lay_out, make_params):
    """A rounded limit would count its own row into the next bin."""
    lay_out(make_params(), "binary")
    evaluate.run(make_params())
    size = bundle.load(paths.BUNDLE).read_json("reference.json")["columns"]["size"]
    values = files.read_table(paths.PREPARED / "train.parquet")["size"].dropna()
    assert size["edges"] == np.quantile(values, np.linspace(0.1, 0.9, 9)).tolist()


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
def test_the_bundle_knows_how_days_differ(lay_out, make_params, kind):
    """Inputs of training, losses of the holdout; blocks of rows without a time column."""
    lay_out(make_params(kind), kind)
    evaluate.run(make_params(kind))
    made = bundle.load(paths.BUNDLE)
    days = Reference.from_json(made.read_json("reference.json")["days"], made.contract)
    assert {"missing:size", "level:size", "mix:town", "loss"} <= {name for name, _ in days.spreads}
    y = files.read_table(paths.TRAIN)
    assert (days.unit, days.spreads["missing:size", ""].units) == ("block", len(y) // 50)
    assert (made.folder / "reference.json").stat().st_size < 40_000


def test_the_bundle_has_no_old_files(lay_out, make_params):
    """What an earlier export left is gone."""
    lay_out(make_params(), "binary")
    paths.BUNDLE.mkdir(parents=True)
    (paths.BUNDLE / "model.skops").write_text("old")
    evaluate.run(make_params())
    assert not (paths.BUNDLE / "model.skops").exists()


def test_the_first_run_and_the_second_give_the_same_bundle(lay_out, make_params):
    """Nothing in it depends on the time."""
    lay_out(make_params(), "binary")
    ids = []
    for _ in range(2):
        evaluate.run(make_params())
        ids.append(bundle.load(paths.BUNDLE).id)
    assert ids[0] == ids[1]

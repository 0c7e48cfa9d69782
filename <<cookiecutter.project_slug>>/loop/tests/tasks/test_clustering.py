"""The task `clustering`, from params.yaml to the endpoint, on heaps and on rows without any."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
import sklearn.cluster
import yaml
from click.testing import CliRunner
from pandera.typing import Series
from pydantic import TypeAdapter
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits
from typing_extensions import TypedDict

from mlops_loop import errors, files, params, paths, project, tasks
from mlops_loop.batch.table_model import TableModel
from mlops_loop.commands.feedback import feedback
from mlops_loop.daily.fold import Table, fold
from mlops_loop.daily.frame import Frame
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.units import Units
from mlops_loop.deployment import smoke
from mlops_loop.gate import anchors, gate
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model import bundle
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.examine import examine
from mlops_loop.pipeline import evaluate, export, preflight, prepare, train
from mlops_loop.pipeline.model_pipeline import Estimator
from mlops_loop.report import report
from mlops_loop.statistics import cluster_metrics

TASK = tasks.find("clustering")
GRID = {"n_clusters": [2, 3, 4, 5], "n_init": [4]}
ESTIMATORS = {
    "k_means": Estimator(KMeans, GRID, numbers="scaled"),
    "mini_batch": Estimator(MiniBatchKMeans, GRID, numbers="scaled"),
    "mixture": Estimator(GaussianMixture, numbers="scaled"),
}
PARAMS: dict[str, Any] = {
    "task": "clustering",
    "seed": 3,
    "source": {"kind": "files", "path": "rows.csv", "fingerprint": "rows.csv"},
    "validate": {"max_failed_share": 0},
    "prepare": {"key": ["id"]},
    "split": {"strategy": "random", "validation": 0.2, "holdout": 0.4},
    "train": {"estimator": "k_means", "scoring": "silhouette", "search": "grid", "folds": 2},
    "export": {"golden_rows": 9},
    "evaluate": {"slices": ["colour"], "resamples": 100},
}
POLICY: dict[str, Any] = {
    "task": "clustering",
    "min_rows": 100,
    "primary": {"metric": "silhouette", "margin": 0.05},
    "absolute": {"smallest_share": 0.05},
    "stability": {"at_least": 0.8},
    "suspicion": {"too_good": 0.97, "max_gain": 0.5},
}
DEPENDS = "stages: {train: {deps: [data/prepared, data/anchors.json]}}"


class Inputs(pa.DataFrameModel):
    """Two numbers and a colour."""

    length: Series[float] = pa.Field(nullable=True, metadata={"unit": "cm"})
    width: Series[float]
    colour: Series[str] = pa.Field(isin=["red", "green"])

    class Config:
        coerce = True
        strict = "filter"


class NoVersions:
    """A ledger in which nothing is in production."""

    def current(self):
        return None


class Versions:
    """A ledger with one version, in production."""

    version = "v1.0.0"
    commit = ""

    def current(self):
        return self

    def find(self, version):
        return self


def heaps(n: int = 900, shares: tuple[float, ...] = (0.5, 0.3, 0.2)) -> pd.DataFrame:
    """Three heaps, of which the first is red."""
    rng = np.random.default_rng(0)
    heap = rng.choice(3, n, p=shares)
    length, width = (np.array([[0, 0], [6, 0], [0, 6]])[heap] + rng.normal(0, 0.5, (n, 2))).T
    colour = np.where(heap == 0, "red", "green")
    return pd.DataFrame({"id": range(n), "length": length, "width": width, "colour": colour})


def noise(n: int = 900) -> pd.DataFrame:
    """Each column by itself, as in the heaps: no column says anything of another one."""
    rng = np.random.default_rng(1)
    table = heaps(n)
    return table.assign(**{name: rng.permutation(table[name]) for name in list(table)[1:]})


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """Parameters with some keys set, as 'train.grid'."""
    data = copy.deepcopy(PARAMS)
    for key, value in changes.items():
        *parents, name = key.split(".")
        section = data
        for parent in parents:
            section = section.setdefault(parent, {})
        section[name] = value
    return data


@pytest.fixture(scope="module", name="run")
def _run(tmp_path_factory) -> Iterator[Any]:
    """`run(table, changes)`: the verdict on what the stages make of it, in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(project, "raw_rows", lambda: Inputs)
        patch.setattr(project, "model_input", lambda: Inputs)
        patch.setattr(project, "model_rows", lambda raw: raw)
        patch.setattr(project, "estimators", lambda: ESTIMATORS)
        patch.setattr(gate.ledger, "read", partial(lambda now, repo: now, NoVersions()))

        def run(
            table: pd.DataFrame, changes: dict[str, Any] | None = None, known: str = ""
        ) -> gate.Verdict:
            patch.chdir(tmp_path_factory.mktemp("clusters"))
            if known:
                paths.ANCHORS.parent.mkdir()
                paths.ANCHORS.write_text(known)
            paths.STAGES.write_text(DEPENDS)
            paths.PARAMS.write_text(yaml.safe_dump(changed(changes or {})))
            paths.GATE_POLICY.write_text(yaml.safe_dump(POLICY))
            files.write_table(table, paths.VALIDATED)
            preflight.check(params.load())
            for stage in (prepare, train, export, evaluate):
                stage.run(params.load())
            return gate.run(paths.BUNDLE, paths.GATE_POLICY, paths.REPORTS)

        yield run


@pytest.fixture(scope="module", name="made")
def _made(run) -> gate.Verdict:
    """Of the heaps, with a report."""
    verdict = run(heaps())
    report.write(paths.REPORTS, paths.BUNDLE)
    return verdict


@pytest.fixture(scope="module", name="whole")
def _whole(made) -> bundle.Bundle:
    return bundle.load(paths.BUNDLE.absolute())


@pytest.fixture(name="client")
def _client(whole, start):
    return start(whole.folder)


@pytest.fixture(scope="module", name="texts")
def _texts(made, whole) -> dict[str, str]:
    """The card and the report."""
    card = (whole.folder / "model_card.md").read_text(encoding="utf-8")
    return {"card": card, "report": (whole.folder.parents[1] / paths.REPORT).read_text("utf-8")}


def test_the_search_finds_the_heaps(whole):
    """By the silhouette; cluster 1 is the largest."""
    assert sorted(whole.contract.classes) == ["cluster 1", "cluster 2", "cluster 3"]
    assert set(whole.read_json("metrics.json")) == {
        "n_rows", "silhouette", "inertia", "smallest_share",
    }  # fmt: skip
    row = {"length": 0.1, "width": -0.2, "colour": "red"}
    scores = whole.predictor.scores(whole.contract.encode_rows([row]))
    assert TASK.predictions(scores, whole.contract)[0]["prediction"] == "cluster 1"


def test_the_gate_promotes_what_has_heaps(made):
    """Against one cluster and permuted columns, with stability beside the limits."""
    assert made.decision == "PROMOTE", made.to_dict()
    checks = {check.name: check for check in made.checks}
    assert "columns permuted" in checks["against constant"].message
    assert checks["stability"].estimate > 0.95
    assert checks["stability"].low > 0.8


def test_the_gate_refuses_clusters_of_nothing(run, made):
    """k-means divides any rows; on these it finds what it finds in permuted columns."""
    verdict = run(noise())
    assert verdict.decision != "PROMOTE"
    check = next(check for check in verdict.checks if check.name == "against constant")
    assert check.status in ("fail", "hold"), check


def test_the_gate_refuses_parts_of_one_long_heap(run, made):
    """Columns that go together are no clusters, though k-means cuts them at the same places."""
    rng = np.random.default_rng(2)
    length = rng.normal(size=900)
    width = length + rng.normal(0, 0.3, 900)
    verdict = run(heaps().assign(length=length, width=width, colour="red"))
    check = next(check for check in verdict.checks if check.name == "against constant")
    assert check.status in ("fail", "hold"), check
    assert "one heap" in check.message


def test_a_bundle_without_refits_is_refused(made, whole, tmp_path, monkeypatch):
    """Where gate.yaml asks for stability."""
    folder = shutil.copytree(whole.folder.parents[1], tmp_path / "project")
    monkeypatch.chdir(folder)
    table = pd.read_parquet(paths.BUNDLE / "baselines.parquet")
    kept = table[[name for name in table if not name.startswith("refit/")]]
    files.write_table(kept, paths.BUNDLE / "baselines.parquet")
    facts = {key: whole.manifest[key] for key in ("task", "split", "data", "rows", "schema")}
    bundle.write_manifest(paths.BUNDLE, facts)
    verdict = gate.run(paths.BUNDLE, paths.GATE_POLICY, paths.REPORTS)
    assert verdict.decision == "REJECT"
    assert "holds no refits. Next: make pipeline" in verdict.summary


def test_the_same_rows_give_the_same_bundle(run, made, whole):
    """Byte for byte, refits and permutations too."""
    run(heaps())
    assert bundle.load(paths.BUNDLE).id == whole.id


def test_mini_batches_are_exported_as_well(run, made):
    """With the parity that every model has to show."""
    assert run(heaps(), {"train.estimator": "mini_batch"}).decision == "PROMOTE"


def test_rows_beside_a_centre_are_exported(run, made):
    """One column without any spread leaves rows that are nearly the centre of their cluster."""
    table = heaps().assign(length=3.0)
    assert run(table, {"train.grid": {"n_clusters": [3], "n_init": [2]}}).decision == "PROMOTE"


@pytest.mark.parametrize("place", ["card", "report"])
def test_profiles_say_what_a_cluster_holds(texts, place):
    """Shares, medians with their units, frequent levels, and the same of all rows."""
    text = texts[place]
    assert "Profiles" in text
    assert all(name in text for name in ("cluster 1", "cluster 3", "all rows"))
    assert "red (100%)" in text
    assert f"\n\n{'#' * (3 if place == 'report' else 2)} Profiles" in text
    assert " cm" in text


def test_the_report_names_the_task_once(texts):
    """It has no target to name."""
    assert ", clustering. Champion: none yet." in texts["report"]


@pytest.mark.parametrize("place", ["card", "report"])
def test_no_column_is_empty(texts, place):
    """Clusters have no shallow model to compare with."""
    assert "best constant" in texts[place]
    assert "shallow" not in texts[place]


def test_the_card_says_how_stable_it_is(texts):
    """With the number of refits."""
    assert "Stability: 10 models" in texts["card"]
    assert "one answer for all rows" not in texts["card"]
    assert "fitted to rows with permuted columns" in texts["card"]


def test_the_endpoint_gives_the_golden_scores(whole, client):
    """By the smoke test's own comparison; the nearest is the one that is predicted."""
    for line in whole.golden():
        answer = client.post("/predict", json=line["row"]).json()
        assert smoke._difference("here", line, answer, whole.contract) < 1e-5
        assert answer["distance"] == answer["distances"][answer["prediction"]] == min(line["score"])


def test_feedback_is_refused_with_the_reason(whole, start, tmp_path):
    """Nothing comes true."""
    client = start(whole.folder, LOG_URL=f"sqlite:///{tmp_path}/log.db")
    row = {"length": 0.1, "width": 0.2, "colour": "red"}
    known = client.post("/predict", json=row).json()["prediction_id"]
    answer = client.post("/feedback", json={"prediction_id": known, "outcome": "cluster 1"})
    assert answer.status_code == 422
    assert "no outcome of a cluster ever comes true" in answer.json()["detail"]


def test_the_page_shows_the_cluster(client):
    """Its name, and which column changes the distance."""
    text = client.post("/", data={"length": "6", "width": "0", "colour": "green"}).text
    assert "distance to cluster" in text


def test_the_page_shows_the_profile_of_the_cluster(client, whole):
    """Its share and its typical values, beside those of all rows."""
    page = client.post("/", data={"length": "0", "width": "0", "colour": "red"}).text
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    of = {one["group"]: one for one in whole.read_json("profiles.json")}
    share = f"{of['cluster 1']['share']:.0%}".replace("%", " %")
    assert f"cluster 1: {share} of the {of['all rows']['n_rows']} held-out rows" in text
    assert f"Length {of['cluster 1']['typical']['length']}" in text
    assert f"Colour red (100%) {of['all rows']['typical']['colour']}" in text
    assert "Typical in it" not in client.get("/").text


def test_an_older_bundle_has_no_profile(whole, start, tmp_path):
    """It is served all the same."""
    folder = shutil.copytree(whole.folder, tmp_path / "bundle")
    (folder / bundle.PROFILES).unlink()
    facts = {key: whole.manifest[key] for key in ("task", "split", "data", "rows", "schema")}
    bundle.write_manifest(folder, facts)
    answer = start(folder).post("/", data={"length": "0", "width": "0", "colour": "red"})
    assert "distance to cluster 1" in answer.text
    assert "held-out rows" not in answer.text


def test_predictions_are_of_the_type_that_openapi_shows(whole):
    """With exactly its keys, as JSON, as columns and as tensors."""
    contract = whole.contract
    adapter = TypeAdapter(TypedDict("Prediction", TASK.prediction_fields(contract)))
    scores = np.array([[1.0, 2, 0.5], [3, 0, 4]])
    predictions = TASK.predictions(scores, contract)
    table = TASK.columns(scores, contract)
    for i, prediction in enumerate(predictions):
        assert adapter.validate_json(json.dumps(prediction)) == prediction
        assert [output.key for output in TASK.outputs(contract)] == list(prediction)
        assert TASK.scores_of(prediction, contract) == scores[i].tolist()
        assert table["prediction"][i] == prediction["prediction"]
        assert table["distance"][i] == prediction["distance"]
    assert list(table)[2:] == [f"distance_{name}" for name in contract.classes]


def test_a_table_is_predicted_by_columns(whole):
    """One for the cluster, and one for each distance."""
    found = TableModel(whole, "v1").predict(heaps(5), kind="model")
    nearest = found.iloc[:, 2:].idxmin(axis=1)
    assert (nearest == "distance_" + found["prediction"].astype(str)).all()


def test_the_distance_is_watched(whole):
    """The nearest one as the score, beside those to each centre, from which shares follow."""
    scores = np.array([[1.0, 2, 0.5], [3, 0, 4]])
    watched = TASK.watched(scores, whole.contract)
    assert watched["score"].tolist() == [0.5, 0]
    assert set(whole.read_json("reference.json")["days"]["frame"]["scores"]) == set(watched)


@pytest.fixture
def champion(whole, monkeypatch) -> bundle.Bundle:
    """The model of the heaps is in production as v1.0.0."""
    entries = Versions()
    for module in (gate, anchors):
        monkeypatch.setattr(module.ledger, "read", lambda repo: entries)
        monkeypatch.setattr(module.champion, "fetch_version", lambda *of: whole)
    return whole


def predicted(model: bundle.Bundle) -> list[str]:
    """The names of a thousand rows that no model has seen."""
    rows = heaps(1900).iloc[900:]
    scores = model.predictor.scores(model.contract.encode_table(rows))
    return [one["prediction"] for one in TASK.predictions(scores, model.contract)]


@pytest.mark.parametrize("is_kept", [True, False])
def test_names_stay_across_a_retrain(run, champion, monkeypatch, is_kept):
    """Another seed, another estimator, and other sizes: the same rows have the same names.

    Without anchors the clusters are numbered by size, which has turned, and the gate holds that.
    """
    monkeypatch.chdir(champion.folder.parents[1])
    assert anchors.write() == anchors.Written("v1.0.0", len(files.read_table(paths.HOLDOUT)))
    known = paths.ANCHORS.read_text() if is_kept else ""
    changes = {"seed": 99, "train.estimator": "mini_batch"}
    verdict = run(heaps(900, (0.2, 0.3, 0.5)), changes, known)
    check = next(check for check in verdict.checks if check.name == "names")
    same = predicted(bundle.load(paths.BUNDLE)) == predicted(champion)
    assert same == is_kept
    assert (verdict.decision, check.status) == (("PROMOTE", "pass") if same else ("HOLD", "hold"))
    assert is_kept or "'cluster 1', 'cluster 3'" in check.message
    assert is_kept or "loop anchors" in check.resolve


def test_another_number_of_clusters_is_another_question(run, champion):
    """A client has to know of it, so a person decides."""
    verdict = run(heaps(), {"train.grid": {"n_clusters": [4], "n_init": [4]}})
    check = next(check for check in verdict.checks if check.name == "champion")
    assert check.status == "hold"
    assert "cluster 3, cluster 4" in check.message
    assert "another question: clustering (cluster 1," in check.message


def test_anchors_need_a_version_in_production(made, monkeypatch):
    """Before the first, no client knows a name."""
    monkeypatch.setattr(anchors.ledger, "read", lambda repo: NoVersions())
    with pytest.raises(errors.UsageError, match="Nothing is in production"):
        anchors.write()


@pytest.mark.parametrize(
    "text",
    [
        "stages: {}",
        "stages: {train: {deps: [data/prepared]}}",
        "stages: {train: {}, export: {deps: [data/anchors.json]}}",
    ],
)
def test_anchors_that_no_stage_reads_are_not_written(champion, tmp_path, monkeypatch, text):
    """The clusters would be numbered anew for ever, as in a project that had another task."""
    monkeypatch.chdir(shutil.copytree(champion.folder.parents[1], tmp_path / "project"))
    paths.STAGES.write_text(text)
    paths.ANCHORS.unlink(missing_ok=True)
    with pytest.raises(errors.UsageError, match=r"(?s)dvc\.yaml.*deps:\n {6}- data/anchors\.json"):
        anchors.write()
    assert not paths.ANCHORS.exists()
    for deps in ("data", paths.ANCHORS):
        paths.STAGES.write_text(f"stages: {{train: {{deps: [{deps}]}}}}")
        assert anchors.write().version == "v1.0.0"


@pytest.mark.parametrize("text", ["stages: 3", "stages: {train: {deps: none}}", "[", None])
def test_broken_stages_are_refused(champion, tmp_path, monkeypatch, text):
    """By the file and the key."""
    monkeypatch.chdir(shutil.copytree(champion.folder.parents[1], tmp_path / "project"))
    paths.STAGES.unlink() if text is None else paths.STAGES.write_text(text)
    with pytest.raises(errors.UsageError, match=r"^dvc\.yaml"):
        anchors.write()


def test_more_clusters_than_rows_lose(run, made):
    """The others are compared, and the report says which one could not be."""
    run(heaps(), {"train.grid": {"n_clusters": [3, 800], "n_init": [4]}})
    assert len(bundle.load(paths.BUNDLE).contract.classes) == 3
    lost = files.read_json(paths.TRAINING_REPORT)["candidates"][1]
    assert (lost["values"]["n_clusters"], lost["score"]) == (800, None)
    text = report.write(paths.REPORTS, paths.BUNDLE).read_text(encoding="utf-8")
    assert "1 of 2 candidates could not be fitted" in text
    assert "n_clusters=800" in text
    with pytest.raises(errors.UsageError, match="n_clusters=700"):
        run(heaps(), {"train.grid": {"n_clusters": [700, 800]}})


def test_a_number_is_never_given_twice(run, made):
    """Though none of its clusters is known any more."""
    run(heaps(), known='{"last": 30, "rows": []}')
    classes = bundle.load(paths.BUNDLE).contract.classes
    assert sorted(classes) == ["cluster 31", "cluster 32", "cluster 33"]


def test_names_are_in_the_order_of_their_numbers(run, made):
    """In report and profiles: 9 before 10."""
    run(heaps(), {"train.grid": {"n_clusters": [3], "n_init": [4]}}, '{"last": 8, "rows": []}')
    groups = [one["group"] for one in files.read_json(paths.EVALUATION_REPORT)["profiles"]]
    assert groups == ["cluster 9", "cluster 10", "cluster 11", "all rows"]
    facts = files.read_json(paths.TRAINING_REPORT)
    assert facts["new_names"] == groups[:3]


def test_what_is_too_good_is_no_answer_in_a_column(run, made):
    """There is none that a column could hold."""
    policy = yaml.safe_dump(POLICY | {"suspicion": {"too_good": 0.5, "max_gain": 0.5}})
    run(heaps())
    paths.GATE_POLICY.write_text(policy)
    verdict = gate.run(paths.BUNDLE, paths.GATE_POLICY, paths.REPORTS)
    check = next(check for check in verdict.checks if check.name == "too good")
    assert check.status == "hold"
    assert "rows that repeat" in check.message
    assert "answer" not in check.message


def test_anchors_have_columns_that_came_since(champion, monkeypatch):
    """So that the next model, which takes one more, can tell their clusters."""
    monkeypatch.chdir(champion.folder.parents[1])
    fewer = replace(champion.contract, columns=champion.contract.columns[:2])
    names = anchors._rows_of(files.read_table(paths.HOLDOUT), fewer)[0].keys()
    assert list(names) == ["length", "width", "colour"]


@pytest.mark.parametrize("text", ["[]", '{"rows": 3}', '{"rows": [], "first": 1}'])
def test_broken_anchors_are_refused(run, made, text):
    """With the file."""
    with pytest.raises(errors.UsageError, match=r"data/anchors\.json"):
        run(heaps(), known=text)


def by_day(model: bundle.Bundle, table: pd.DataFrame) -> tuple[Table, Units]:
    """Rows with their scores, 150 on each day of May, June and July."""
    days = pd.date_range("2026-05-01", periods=len(table) // 150).strftime("%Y-%m-%d")
    names, rows = days.repeat(150).tolist(), table.head(len(days) * 150)
    scores = model.predictor.scores(model.contract.encode_table(rows))
    inputs = {name: rows[name] for name in model.contract.names}
    return Table(names, inputs, scores=scores), Units("day", "_time", names)


def test_feedback_makes_no_training_data(whole, monkeypatch):
    """Refused before production is asked."""
    monkeypatch.chdir(whole.folder.parents[1])
    done = CliRunner().invoke(feedback, ["propose", "--since", "2026-01-01"])
    assert isinstance(done.exception, errors.UsageError)
    assert "of clustering nothing comes true" in str(done.exception)


@pytest.mark.parametrize("is_shifted", [False, True])
def test_the_shares_of_clusters_are_watched(whole, is_shifted):
    """Where the largest cluster comes no more, that is drift. Without labels there is no loss."""
    table = heaps(9000)
    known, units = by_day(whole, table)
    frame = Frame.learn(table, (np.zeros(9000), known.scores), whole.contract)
    reference = Reference.learn(frame, (table, units), (replace(known, inputs={}), units))
    reference = Reference.from_json(json.loads(json.dumps(reference.as_json())), whole.contract)
    shares = (0.2, 0.45, 0.35) if is_shifted else (0.5, 0.3, 0.2)
    days = fold(frame, by_day(whole, heaps(4500, shares))[0])
    found = examine(reference, days, MonitorConfig(stale_days=30)).by_name()
    assert found["mix"].verdict == ("drifted" if is_shifted else "ok")
    assert not is_shifted or found["mix"].part == "cluster 1"
    assert {name for name in found if name.startswith("loss")} == set()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target.column": "width"}, r"target\.column: clustering predicts no column"),
        ({"target.unit": "min"}, r"target\.unit: clustering predicts no column"),
        ({"split.strategy": "stratified"}, "needs classes"),
        ({"train.class_weight": "balanced"}, r"train\.class_weight needs a target"),
        ({"train.early_stopping": True}, r"train\.early_stopping needs a target"),
        ({"train.calibrate": "sigmoid"}, r"train\.calibrate needs a target"),
        ({"train.threshold": 0.5}, r"train\.threshold is for classes"),
        ({"train.select": {"by": "importance", "keep": 1}}, "'importance' needs a target"),
        ({"train.grid": {"n_clusters": [1, 3]}}, "at least 2 clusters"),
        ({"train.grid": {"n_clusters": ["three"]}}, r"n_clusters: 'three' is no number"),
    ],
)
def test_parameters_that_need_a_target_are_refused(tmp_path, changes, message):
    """With the key, before any stage."""
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(changed(changes)))
    with pytest.raises(errors.UsageError, match=message):
        params.load(path)


@pytest.mark.parametrize("changes", [
    {"train.select": {"by": "pca", "keep": 2}},
    {"split": {"strategy": "group", "column": "colour", "validation": 0.2, "holdout": 0.2}},
    {"split": {"strategy": "time", "column": "id", "validation": 0.2, "holdout": 0.2}},
])  # fmt: skip
def test_parameters_without_a_target_are_taken(tmp_path, changes):
    """Any split that needs no classes, and components."""
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(changed(changes)))
    assert params.load(path).task == "clustering"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("BisectingKMeans", "tree of splits"),
        ("Birch", "ONNX cannot express it"),
        ("MeanShift", "no distances"),
        ("DBSCAN", "cannot place a row"),
        ("HDBSCAN", "cannot place a row"),
        ("AgglomerativeClustering", "cannot place a row"),
        ("SpectralClustering", "cannot place a row"),
    ],
)
def test_other_estimators_are_refused_by_name(name, reason):
    """With the reason, and what to choose."""
    with pytest.raises(errors.UsageError, match=f"{name}: .*{reason}.* choose a KMeans"):
        TASK.check_model(getattr(sklearn.cluster, name)(), "own")


def test_they_are_refused_before_the_first_stage(run, made):
    """By what `loop ingest` asks."""
    with pytest.raises(errors.UsageError, match="'mixture' is a GaussianMixture: its prob"):
        run(heaps(), {"train.estimator": "mixture"})


def test_a_cluster_that_nothing_is_near_to_is_no_error(whole):
    """The smallest share is 0 then, and the plots have it."""
    scores = np.column_stack([np.ones(20), np.full((20, 2), 2.0)])
    plots = TASK.plots(np.zeros(20), scores, whole.contract)
    assert sorted(plots["sizes"].columns["rows"]) == [0, 0, 20]
    metric = cluster_metrics.METRICS["smallest_share"]
    assert metric(np.zeros(20), scores, whole.contract) == 0


def test_the_policy_of_the_documentation_is_whole():
    """What a project that had another task puts into gate.yaml."""
    text = (Path(__file__).parents[2] / "docs/training.md").read_text("utf-8")
    known = re.findall(r"```yaml\n(task: clustering\n.*?)```", text, re.S)
    policy = GatePolicy.model_validate(yaml.safe_load(known[0]))
    assert (policy.task, policy.primary.metric) == ("clustering", "silhouette")

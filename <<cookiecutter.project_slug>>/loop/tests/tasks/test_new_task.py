"""A task that nobody has thought of: no target, groups in place of classes, distances as scores.

Nothing of the loop is edited for it. It goes through the stages, the gate, the report and the
endpoint, as a new module in `tasks/` would.
"""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
import yaml
from pandera.typing import Series
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from typing_extensions import TypedDict

from mlops_loop import files, params, paths, project, tasks
from mlops_loop.batch.table_model import TableModel
from mlops_loop.deployment import smoke
from mlops_loop.gate import gate
from mlops_loop.model import bundle
from mlops_loop.pipeline import evaluate, export, prepare, train
from mlops_loop.pipeline.model_pipeline import Estimator
from mlops_loop.report import report
from mlops_loop.statistics.metrics import Metric, by_name, mean_of
from mlops_loop.tasks.plot import Plot
from mlops_loop.tasks.task import Output, Task


class Grouping(Task):
    """Groups by distance to their centres; `y` are the encoded rows, scores (n_rows, n_groups)."""

    name = "grouping"
    metrics = by_name(
        Metric("spread", mean_of(lambda y, scores: scores.min(axis=1) ** 2), False),
        Metric("second", mean_of(lambda y, scores: np.sort(scores, axis=1)[:, 1]), True),
    )
    curve = "sizes"

    def check(self, target, split, train, export):
        if target.column:
            raise ValueError("target.column: there is nothing to predict, leave it out")

    def make_target(self, rows, target):
        return pd.Series("", index=rows.index)

    def contract_facts(self, values, target):
        return {"target": "group"}

    def encode_target(self, rows, contract):
        return np.nan_to_num(contract.encode_table(rows))

    def describe_outcomes(self, contract):
        return f"{len(contract.classes)} groups"

    def learn_from_validation(self, pipeline, contract, held, train):
        n_groups = pipeline[-1].n_clusters
        names = tuple(f"group {i + 1}" for i in range(n_groups))
        return pipeline, dataclasses.replace(contract, classes=names)

    def constants(self, y, contract):
        distance = np.sqrt(y.var(axis=0).sum())
        return {"one group": np.full(len(contract.classes), distance)}

    def plots(self, y, scores, contract):
        sizes = np.bincount(scores.argmin(axis=1), minlength=scores.shape[1])
        columns = {"predicted": np.arange(len(sizes)), "rows": sizes}
        return {"sizes": Plot("Sizes of groups", "bar", columns)}

    def card_text(self, contract, target):
        return f"Puts rows into {self.describe_outcomes(contract)}."

    def predictions(self, scores, contract):
        return [
            {
                "prediction": contract.classes[int(row.argmin())],
                "distances": dict(zip(contract.classes, row.tolist(), strict=True)),
            }
            for row in scores
        ]

    def prediction_fields(self, contract):
        distances = TypedDict("Distances", dict.fromkeys(contract.classes, float))
        return {"prediction": Literal[contract.classes], "distances": distances}

    def scores_of(self, prediction, contract):
        return list(prediction["distances"].values())

    def outputs(self, contract):
        distances = Output("distances", "FP64", (len(contract.classes),))
        return [Output("prediction", "BYTES"), distances]

    def outcome(self, value, contract):
        return value if value in contract.classes else None

    def allowed_outcomes(self, contract):
        return self.describe_outcomes(contract)

    def headline(self, prediction, contract):
        return f"This is {prediction['prediction']}."

    def explained(self, scores):
        return scores[:, scores[0].argmin()]

    def explained_name(self, prediction, contract):
        return f"distance to {prediction['prediction']}"

    def describe_change(self, change, contract):
        return f"{change:+.2f}"


class Inputs(pa.DataFrameModel):
    """Two numbers and a colour."""

    length: Series[float] = pa.Field(nullable=True)
    width: Series[float]
    colour: Series[str] = pa.Field(isin=["red", "green"])

    class Config:
        coerce = True
        strict = "filter"


PARAMS = {
    "task": "grouping",
    "seed": 3,
    "source": {"kind": "files", "path": "rows.csv", "fingerprint": "rows.csv"},
    "validate": {"max_failed_share": 0},
    "prepare": {"key": ["id"]},
    "split": {"strategy": "random", "validation": 0.2, "holdout": 0.4},
    "train": {"estimator": "k_means", "scoring": "spread", "folds": 2, "grid": None},
    "export": {"tolerance": 0.001, "golden_rows": 9},
    "evaluate": {"slices": ["colour"], "resamples": 100},
}
POLICY = {
    "task": "grouping",
    "min_rows": 100,
    "primary": {"metric": "spread", "margin": 0.5},
    "absolute": {"spread": 9},
    "slices": {"columns": ["colour"], "metric": "spread", "limit": 9, "max_loss": 1},
    "suspicion": {"too_good": 0.001, "max_gain": 5},
}
GRID = {"n_clusters": [2, 3], "n_init": [2]}


def rows(n: int = 800) -> pd.DataFrame:
    """Three heaps, of which the largest is red."""
    rng = np.random.default_rng(0)
    heap = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    centres = np.array([[0, 0], [6, 0], [0, 6]])[heap]
    length, width = (centres + rng.normal(0, 0.5, (n, 2))).T
    colour = np.where(heap == 0, "red", "green")
    return pd.DataFrame({"id": range(n), "length": length, "width": width, "colour": colour})


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Any:
    """A project whose stages, gate and report have run; returns the verdict."""
    folder = tmp_path_factory.mktemp("grouping")
    estimators = {"k_means": Estimator(KMeans, GRID, numbers="filled")}
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setitem(tasks.table(), "grouping", Grouping())
        patch.chdir(folder)
        patch.setattr(project, "raw_rows", lambda: Inputs)
        patch.setattr(project, "model_input", lambda: Inputs)
        patch.setattr(project, "model_rows", lambda raw: raw)
        patch.setattr(project, "estimators", lambda: estimators)
        paths.PARAMS.write_text(yaml.safe_dump(PARAMS))
        paths.GATE_POLICY.write_text(yaml.safe_dump(POLICY))
        files.write_table(rows(), paths.VALIDATED)
        for stage in (prepare, train, export, evaluate):
            stage.run(params.load())
        patch.setattr(gate.ledger, "read", partial(lambda now, repo: now, NoVersions()))
        verdict = gate.run(paths.BUNDLE, paths.GATE_POLICY, paths.REPORTS)
        report.write(paths.REPORTS, paths.BUNDLE)
        yield verdict


class NoVersions:
    """A ledger in which nothing is in production."""

    def current(self):
        return None


@pytest.fixture(name="client")
def _client(made, start):
    return start(paths.BUNDLE)


def test_the_stages_make_a_bundle(made):
    """The search chose three groups, and the holdout was measured by the task's metrics."""
    whole = bundle.load(paths.BUNDLE)
    assert whole.contract.classes == ("group 1", "group 2", "group 3")
    assert (whole.contract.task, whole.contract.target) == ("grouping", "group")
    assert set(whole.read_json("metrics.json")) == {"n_rows", "spread", "second"}
    assert {path.stem for path in paths.PLOTS.iterdir()} == {"sizes", "importance"}
    assert "Puts rows into 3 groups." in (paths.BUNDLE / "model_card.md").read_text()


def test_the_gate_judges_by_the_metrics_of_the_task(made):
    """The one constant of the task, a floor, slices, and what is too good to be true."""
    assert made.decision == "PROMOTE", made.to_dict()
    assert {(check.name, check.metric) for check in made.checks} >= {
        ("against constant", "spread"),
        ("absolute", "spread"),
        ("slice", "spread"),
        ("too good", "spread"),
    }


def test_the_report_shows_it(made):
    """With the curve that the task names."""
    text = paths.REPORT.read_text(encoding="utf-8")
    assert "grouping of group" in text
    assert "PROMOTE" in text


def test_the_endpoint_predicts_it(made, client):
    """A row of the first heap is as near to its centre as the heap is wide."""
    answer = client.post("/predict", json={"length": 0.1, "width": 0.2, "colour": "red"}).json()
    near = answer["distances"][answer["prediction"]]
    assert near == min(answer["distances"].values()) < 2
    assert {"prediction", "distances", "model_version"} == set(answer)


def test_a_table_is_predicted_by_columns(made):
    """One for the group, and one for each distance."""
    found = TableModel(bundle.load(paths.BUNDLE), "v1").predict(rows(5), kind="model")
    assert list(found) == ["prediction", *(f"distances_group {n}" for n in (1, 2, 3))]
    assert (found.iloc[:, 1:].idxmin(axis=1) == "distances_" + found["prediction"]).all()


def test_the_endpoint_gives_the_golden_scores(made, client, monkeypatch):
    """By the smoke test's own comparison."""
    whole = bundle.load(paths.BUNDLE)
    for line in whole.golden():
        answer = client.post("/predict", json=line["row"]).json()
        assert smoke._difference("here", line, answer, whole.contract) < 1e-5


def test_openapi_and_other_protocols_describe_it(made, client):
    """Types and tensors come from the task."""
    document = json.dumps(client.get("/openapi.json").json())
    assert '"Distances"' in document
    name = client.get("/v2").json()["name"]
    outputs = client.get(f"/v2/models/{name}").json()["outputs"]
    assert [(o["name"], o["shape"]) for o in outputs] == [
        ("prediction", [-1]),
        ("distances", [-1, 3]),
    ]


def test_the_page_shows_it(made, client):
    """Its headline, and which column changes the distance."""
    text = client.post("/", data={"length": "6", "width": "0", "colour": "green"}).text
    assert "This is group" in text
    assert "distance to group" in text


def test_its_own_check_refuses_parameters(made, tmp_path):
    """With the key."""
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(PARAMS | {"target": {"column": "width"}}))
    with pytest.raises(params.UsageError, match=r"target\.column: there is nothing to predict"):
        params.load(path)

"""A project whose pipeline has run: bundle, reports and the dvc.lock that names them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from mlops_loop import paths
from mlops_loop.registry import ledger
from mlops_loop.trackers import facts

CANDIDATES = [
    {"values": {"depth": 3, "loss": "log"}, "score": 0.8, "spread": 0.01, "rung": 2},
    {"values": {"depth": None, "loss": "log"}, "score": None, "spread": None, "rung": 1},
]
EVALUATION = {
    "confidence": 0.95,
    "metrics": {"n_rows": 40, "roc_auc": 0.9, "own/metric": 0.5, "undefined": None},
    "intervals": {"roc_auc": [0.85, 0.94], "undefined": None},
}
PLOTS = {
    "roc": "false positive rate,true positive rate\n0.0,0.0\n0.25,0.8\n1.0,1.0\n",
    "precision_recall": "recall,precision\n1.0,0.4\n0.5,0.8\n0.0,1.0\n",
    "calibration": "predicted,observed,rows\n0.1,0.0,20\n0.5,0.6,10\n0.9,1.0,10\n",
    "confusion": "predicted,actual\n1,1\n0,0\n1,0\n",
    "importance": "column,loss,spread\ndistance,0.3,0.1\n",
}
PARAMS = {
    "task": "classification",
    "source": {"kind": "sql", "url": "postgresql://reader@db.example.org/flights"},
    "train": {"folds": 3, "grid": {"depth": [3, None]}},
    "evaluate.slices": ["carrier"],
}


@pytest.fixture
def trained(project, monkeypatch):
    """`trained("a")` leaves what `dvc repro` leaves for the bundle of a mark, and goes there."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("MLOPS_LOOP_PACKAGE", "flight_delays")
    for name in ("URI", "TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)

    def train(mark="a"):
        model = project.train(mark)
        write_reports()
        write_lock()
        return model

    return train


def write_reports():
    """As the stages write them."""
    for path in facts.REPORTS:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'{{"of": "{path.stem}"}}\n')
    training = {"estimator": "boosting", "scoring": "roc_auc", "search": "random"}
    training |= {"candidates": CANDIDATES, "iterations": 12, "curves": {"loss": [0.7, 0.5]}}
    paths.TRAINING_REPORT.write_text(json.dumps(training))
    paths.EVALUATION_REPORT.write_text(json.dumps(EVALUATION))
    paths.PLOTS.mkdir(exist_ok=True)
    for name, text in PLOTS.items():
        (paths.PLOTS / f"{name}.csv").write_text(text)
        (paths.PLOTS / f"{name}.svg").write_text("<svg/>")


def write_lock():
    """Of one stage with all outputs."""
    outs = [{"path": path.as_posix(), "md5": md5(path)} for path in facts.REPORTS]
    outs += [{"path": paths.BUNDLE.as_posix(), "md5": ledger.folder_hash(paths.BUNDLE)}]
    outs += [{"path": "data/prepared", "md5": "0123.dir"}, {"path": "models/trained", "md5": "9"}]
    deps = [{"path": "data/raw", "md5": "abcd.dir"}, {"path": "src/schema.py", "md5": "8"}]
    stage = {"cmd": "loop", "deps": deps, "params": {"params.yaml": PARAMS}, "outs": outs}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {"all": stage}}))


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()

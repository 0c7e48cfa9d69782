"""From bundles on disk to a verdict in a file."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from sklearn.linear_model import LogisticRegression

from <<cookiecutter.__package_name>> import bundle
from <<cookiecutter.__package_name>>.contract import Column, Contract
from <<cookiecutter.__package_name>>.delivery import gate, verdict
from <<cookiecutter.__package_name>>.errors import DataRefused, NoValidBundle, UsageError

POLICY = {
    "task": "classification",
    "resamples": 200,
    "min_rows": 300,
    "primary": {"metric": "roc_auc", "margin": 0.02},
    "absolute": {"roc_auc": 0.6},
    "slices": {"columns": ["origin"], "metric": "roc_auc", "limit": 0.5, "max_loss": 0.1},
    "suspicion": {"too_good": 0.95, "max_gain": 0.2},
}


@pytest.fixture
def holdout():
    """Rows with a signal in `wind`, a little in `rain`, and the reserved columns."""
    rng = np.random.default_rng(0)
    wind, rain = rng.normal(0, 1, (2, 2000))
    late = wind + 0.7 * rain + rng.normal(0, 1.5, 2000) > 0.7
    columns = {"wind": wind, "rain": rain, "origin": rng.choice(["EWR", "JFK"], 2000)}
    masks = {"_seen_by_challenger": False, "_seen_by_champion": False}
    return pd.DataFrame({**columns, "_target": np.where(late, "late", "on time"), **masks})


@pytest.fixture
def make(tmp_path, holdout):
    """`make("new", "wind")` writes a bundle with a model of these columns."""

    def write(name, *columns):
        folder = tmp_path / name
        folder.mkdir()
        parts = tuple(Column(column, "number") for column in columns)
        contract = Contract("classification", "late", parts, ("on time", "late"))
        contract.save(folder / "contract.json")
        matrix = contract.encode_table(holdout.assign(snow=0.0))
        model = LogisticRegression().fit(matrix, holdout["_target"] == "late")
        skops.io.dump(model, folder / "model.skops")
        for file in ("reference.json", "golden.jsonl", "metrics.json", "model_card.md"):
            (folder / file).write_text("{}\n")
        bundle.write_manifest(folder, {})
        return folder

    return write


@pytest.fixture
def run(tmp_path, holdout):
    """`run(new, old)` asks the gate about two folders."""

    def ask(new, old=None, name="v1.0.0", frame=None, policy=POLICY, **options):
        path = tmp_path / "gate.yaml"
        path.write_text(yaml.safe_dump(policy))
        frame = holdout if frame is None else frame
        return gate.run(new, old, name, frame, path, tmp_path / "reports", **options)

    return ask


def test_a_better_challenger_is_promoted_and_the_verdict_written(make, run, tmp_path):
    """The file gives the verdict back, and names the bundle that it is about."""
    new, old = make("new", "wind", "rain"), make("old", "wind")
    found = run(new, old)
    assert (found.decision, found.challenger) == ("PROMOTE", bundle.load(new).id)
    data = json.loads((tmp_path / "reports" / "gate.json").read_text())
    assert verdict.Verdict.from_dict(data) == found


def test_the_same_question_gives_the_same_bytes(make, run, tmp_path):
    """Seeded, and without a date."""
    new, old = make("new", "wind", "rain"), make("old", "wind")
    texts = []
    for _ in range(2):
        run(new, old, seed=3)
        texts.append((tmp_path / "reports" / "gate.json").read_bytes())
    assert texts[0] == texts[1]


def test_a_worse_challenger_is_rejected(make, run):
    """Exit code 1."""
    assert run(make("new", "rain"), make("old", "wind", "rain")).exit_code == 1


def test_the_first_model_needs_no_champion(make, run):
    """No name, no folder."""
    assert run(make("new", "wind"), name=None).decision == "PROMOTE"


@pytest.mark.parametrize("damage", ["gone", "model.skops", "contract.json", "unknown"])
def test_an_unreadable_champion_is_rejected(make, run, damage):
    """A missing folder or file, one that was changed, and a name without a folder."""
    new, old = make("new", "wind", "rain"), make("old", "wind")
    if damage == "gone":
        shutil.rmtree(old)
    elif damage == "unknown":
        old = None
    else:
        (old / damage).unlink()
    found = run(new, old)
    assert found.decision == "REJECT"
    assert "v1.0.0 is unreadable" in found.summary


def test_a_champion_of_another_schema_is_held_until_a_person_decides(make, run):
    """Its columns are gone; the override is theirs, with a reason."""
    new, old = make("new", "wind", "rain"), make("old", "wind", "snow")
    found = run(new, old)
    assert found.decision == "HOLD"
    assert "columns that these rows do not have: snow" in found.summary
    ada = verdict.Override("ada", "the snow sensor is gone for good")
    assert run(new, old, override=ada).exit_code == 0


def test_the_challengers_own_bundle_must_be_whole(make, run):
    """No verdict about files that were changed after training."""
    new = make("new", "wind")
    (new / "metrics.json").write_text("better\n")
    with pytest.raises(NoValidBundle, match="does not match its manifest"):
        run(new)


def test_a_policy_of_the_other_task_is_refused(make, run):
    """Before anything is scored."""
    other = {**POLICY, "task": "regression", "absolute": {"mae": 20}, "slices": None}
    other["primary"] = {"metric": "mae", "margin": 1}
    with pytest.raises(UsageError, match="task = 'regression'"):
        run(make("new", "wind"), policy=other)


def test_a_holdout_without_masks_is_refused(make, run, holdout):
    """Not knowing which rows were seen is no reason to believe that none was."""
    with pytest.raises(DataRefused, match="no column _seen_by_champion"):
        run(make("new", "wind"), frame=holdout.drop(columns="_seen_by_champion"))

"""From bundles on disk to a verdict in a file."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from sklearn.linear_model import LogisticRegression

from mlops_loop import paths
from mlops_loop.commands import gate as commands
from mlops_loop.errors import NoValidBundle, UsageError
from mlops_loop.gate import gate, scoring
from mlops_loop.gate.comparison import Unscorable
from mlops_loop.model import bundle
from mlops_loop.model.contract import Column, Contract
from mlops_loop.tasks import baselines

POLICY = {
    "task": "classification",
    "min_rows": 300,
    "primary": {"metric": "roc_auc", "margin": 0.02},
    "absolute": {"roc_auc": 0.6},
    "slices": {"columns": ["origin"], "metric": "roc_auc", "limit": 0.5, "max_loss": 0.1},
    "suspicion": {"too_good": 0.95, "max_gain": 0.2},
}
RULE = {"strategy": "time", "seed": 0, "holdout_from": 100, "validation_from": 50}


@pytest.fixture
def project(tmp_path, monkeypatch, make_params):
    """A folder with parameters and a holdout: a signal in `wind`, a little in `rain`."""
    parameters = make_params().model_dump(mode="json", by_alias=True, exclude_none=True)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    rng = np.random.default_rng(0)
    wind, rain = rng.normal(0, 1, (2, 2000))
    late = wind + 0.7 * rain + rng.normal(0, 1.5, 2000) > 0.7
    columns = {"wind": wind, "rain": rain, "origin": rng.choice(["EWR", "JFK"], 2000)}
    target = np.where(late, "late", "on time")
    path = tmp_path / paths.PREPARED / "holdout.parquet"
    path.parent.mkdir(parents=True)
    pd.DataFrame({**columns, "_time": range(100, 2100), "_target": target}).to_parquet(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    return tmp_path


@pytest.fixture
def holdout(project):
    return project / paths.PREPARED / "holdout.parquet"


def contract_y(rows):
    """Positions of the classes of this module."""
    return (rows["_target"] == "late").to_numpy(int)


@pytest.fixture
def make(project, holdout):
    """`make("new", "wind")` writes a bundle with a model of these columns."""

    def write(name, *columns, rule=RULE):
        folder = project / name
        folder.mkdir()
        parts = tuple(Column(column, "number") for column in columns)
        contract = Contract("classification", "late", parts, ("on time", "late"))
        contract.save(folder / "contract.json")
        rows = pd.read_parquet(holdout)
        matrix = contract.encode_table(rows.assign(snow=0.0))
        model = LogisticRegression().fit(matrix, rows["_target"] == "late")
        skops.io.dump(model, folder / "model.skops")
        for file in ("reference.json", "golden.jsonl", "metrics.json", "model_card.md"):
            (folder / file).write_text("{}\n")
        known = baselines.fit((matrix, contract_y(rows)), matrix, contract)
        known.to_table().to_parquet(folder / baselines.FILE)
        facts = {"split": rule, "data": {"holdout": bundle.sha256(holdout)}}
        bundle.write_manifest(folder, facts)
        return folder

    return write


@pytest.fixture
def run(project, monkeypatch):
    """`run(new, old)` asks the gate about two folders, the old one being v1.0.0."""

    def ask(new, old=None, policy=POLICY, override=None):
        now = SimpleNamespace(version="v1.0.0", commit="abc") if old else None
        entries = SimpleNamespace(current=lambda: now, find=lambda version: now)
        monkeypatch.setattr(gate.champion, "fetch_version", lambda *_: bundle.load(old))
        monkeypatch.setattr(gate.ledger, "read", lambda repo: entries)
        (project / "gate.yaml").write_text(yaml.safe_dump(policy))
        return gate.run(new, project / "gate.yaml", project / "reports", override)

    return ask


def test_a_better_challenger_is_promoted_and_the_verdict_written(make, run, project):
    """The file is the verdict, and names the bundle that it is about."""
    new, old = make("new", "wind", "rain"), make("old", "wind")
    verdict = run(new, old)
    assert (verdict.decision, verdict.champion) == ("PROMOTE", "v1.0.0")
    assert verdict.challenger == bundle.load(new).id
    assert verdict.summary == f"{verdict.challenger} may replace v1.0.0: every check passed."
    assert json.loads((project / "reports" / "gate.json").read_text()) == verdict.to_dict()


def test_the_report_finds_the_champion_beside_the_verdict(make, run, project):
    """With every metric of both on the same rows; nothing stays once there is none."""
    new, old = make("new", "wind", "rain"), make("old", "wind")
    run(new, old)
    path = project / "reports" / "champion.json"
    left = json.loads(path.read_text())
    assert (left["version"], left["commit"], left["bundle"]) == (
        "v1.0.0",
        "abc",
        bundle.load(old).id,
    )
    assert [column["name"] for column in left["contract"]["columns"]] == ["wind"]
    compared = left["compared"]
    assert compared["n_rows"] == 2000
    known = compared["baselines"]["roc_auc"]
    assert known["constant"] == 0.5 < known["shallow"] < compared["challenger"]["roc_auc"]
    assert compared["challenger"]["roc_auc"] > compared["champion"]["roc_auc"] > 0.6
    run(new)
    assert not path.exists()


@pytest.mark.parametrize(("challenger", "champion"), [("wind", "snow"), ("wind", "wind")])
def test_no_comparison_is_left_where_it_makes_no_sense(make, run, project, challenger, champion):
    """A champion that cannot be scored, or that is the challenger."""
    old = make("old", champion)
    run(old if challenger == champion else make("new", challenger), old)
    left = json.loads((project / "reports" / "champion.json").read_text())
    assert left["compared"] is None


@pytest.mark.parametrize(("about", "status"), [("new", "fail"), ("old", "skip")])
def test_budgets_of_this_bundles_container(make, run, project, about, status):
    """What `verify-image` measured counts for the bundle that it measured, and for no other."""
    folders = {"new": make("new", "wind", "rain"), "old": make("old", "wind")}
    measured = {"bundle": bundle.load(folders[about]).id, "measurements": {"image_mb": 900.0}}
    (project / "reports").mkdir(exist_ok=True)
    (project / "reports" / "budgets.json").write_text(json.dumps(measured))
    verdict = run(folders["new"], policy=POLICY | {"budgets": {"image_mb": {"at_most": 600}}})
    assert [c.status for c in verdict.checks if c.name == "budget"] == [status]


def test_the_same_question_gives_the_same_bytes(make, run, project):
    """Seeded, and without a date."""
    new, old = make("new", "wind", "rain"), make("old", "wind")
    texts = []
    for _ in range(2):
        run(new, old)
        texts.append((project / "reports" / "gate.json").read_bytes())
    assert texts[0] == texts[1]


def test_a_worse_challenger_is_rejected(make, run):
    """Exit code 1."""
    assert run(make("new", "rain"), make("old", "wind", "rain")).exit_code == 1


def test_the_first_model_needs_no_champion(make, run):
    """It meets the absolute limits, and knows more than a constant."""
    verdict = run(make("new", "wind"))
    assert {"against constant", "against shallow"} <= {check.name for check in verdict.checks}
    assert (verdict.decision, verdict.champion) == ("PROMOTE", None)


def test_the_champion_itself_passes(make, run):
    """A change that leaves the model alone may be merged, and the summary says so."""
    verdict = run(new := make("new", "wind"), new)
    assert (verdict.exit_code, len(verdict.checks)) == (0, 1)
    assert verdict.summary == "It is what production has: the model does not change."


@pytest.mark.parametrize("file", ["model.skops", "contract.json", "manifest.json"])
def test_an_unreadable_champion_is_rejected(make, run, file):
    """A missing file is no missing champion: its version and the reason are reported."""
    new, old = make("new", "wind", "rain"), make("old", "wind")
    (old / file).unlink()
    verdict = run(new, old)
    assert (verdict.decision, verdict.champion) == ("REJECT", "v1.0.0")
    assert verdict.challenger == bundle.load(new).id
    assert verdict.summary.startswith("champion: v1.0.0 is unreadable: ")


def test_a_champion_of_another_schema_is_held_until_a_person_decides(make, run):
    """Its columns are gone; the override is theirs, with a reason."""
    new, old = make("new", "wind", "rain"), make("old", "wind", "snow")
    verdict = run(new, old)
    assert verdict.decision == "HOLD"
    assert "v1.0.0 needs columns that the holdout does not have: snow" in verdict.summary
    verdict = run(new, old, override="the snow sensor is gone for good")
    assert (verdict.exit_code, verdict.overridden) == (0, True)
    assert "HOLD overridden by ada (the snow sensor is gone for good)." in verdict.summary


@pytest.mark.parametrize(
    ("raw", "resolve"),
    [
        (
            ["snow", "wind"],
            "add 'snow' to prepare.carry_columns in params.yaml, then make pipeline gate",
        ),
        (["wind"], "let features.model_rows make 'snow' as before, and add 'snow' to prep"),
        (None, "let features.model_rows make 'snow'"),
    ],
    ids=["raw rows have it", "raw rows lack it", "unknown"],
)
def test_the_hold_says_what_makes_the_champion_comparable(make, run, raw, resolve):
    """Where the raw rows have its column, it is carried along; else it is made as before."""
    if raw:
        pd.DataFrame(columns=raw, data=[[0.0] * len(raw)]).to_parquet(paths.VALIDATED)
    verdict = run(make("new", "wind", "rain"), make("old", "wind", "snow"))
    assert verdict.resolve.startswith(resolve)
    assert verdict.resolve.endswith("v1.0.0 is scored with it")
    assert (
        commands.to_text(verdict).splitlines()[-1].startswith(f"Next: {verdict.resolve}; or when")
    )


def test_a_champion_is_scored_with_a_column_that_is_carried_along(make, run, holdout):
    """Which the challenger does not have; both on the same rows."""
    old = make("old", "wind", "snow")
    pd.read_parquet(holdout).assign(snow=0.0).to_parquet(holdout)
    verdict = run(make("new", "wind", "rain"), old)
    assert (verdict.decision, verdict.resolve) == ("PROMOTE", "")
    assert "comparison" in {check.name for check in verdict.checks if check.status == "pass"}


def test_nobody_overrides_a_reject(make, run):
    """Whoever asks."""
    verdict = run(make("new", "rain"), make("old", "wind", "rain"), override="I like it")
    assert (verdict.decision, verdict.overridden) == ("REJECT", False)


def test_on_a_laptop_git_knows_who_overrides(make, run, monkeypatch, git, project):
    """Where no workflow runs."""
    monkeypatch.delenv("GITHUB_ACTOR")
    git(project, "init", "--quiet")
    verdict = run(make("new", "wind"), make("old", "snow"), override="why not")
    assert "overridden by Ada Tester (why not)" in verdict.summary


def test_rows_of_the_champions_training_are_left_out(make, run):
    """By its own rule it has seen some; by a rule for other columns, all of them."""
    new = make("new", "wind", "rain")
    some = make("some", "wind", rule={**RULE, "holdout_from": 600})
    (left,) = [check for check in run(new, some).checks if check.name == "rows"]
    assert (left.n_rows, left.message[:9]) == (1500, "500 more ")
    alien = make("alien", "wind", rule={**RULE, "strategy": "group"})
    verdict = run(new, alien)
    assert (verdict.decision, verdict.rows_needed) == ("HOLD", 300)


def test_an_overlap_with_training_is_rejected(make, run):
    """One row that the challenger has seen is one too many."""
    verdict = run(make("new", "wind", rule={**RULE, "holdout_from": 101}))
    why = "challenger: It has seen 1 of 2,000 holdout rows in training"
    assert (verdict.decision, verdict.summary) == ("REJECT", why)


def test_a_changed_test_set_is_rejected(make, run, holdout):
    """What the bundle says of itself was measured on other rows."""
    new = make("new", "wind")
    pd.read_parquet(holdout).iloc[:-1].to_parquet(holdout)
    verdict = run(new)
    assert (verdict.decision, verdict.challenger) == ("REJECT", bundle.load(new).id)
    assert "evaluated on other rows" in verdict.summary


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda path: path.unlink(), "is missing: an older version"),
        (lambda path: path.write_bytes(b"PAR1"), "is not what"),
        (lambda path: pd.read_parquet(path).iloc[1:].to_parquet(path), "1,999 rows, the hold"),
    ],
    ids=["of an older version", "broken", "of other rows"],
)
def test_without_baselines_nobody_can_know(make, run, harm, reason):
    """The gate says so and stops; what the bundle holds is under its manifest."""
    new = make("new", "wind")
    harm(new / baselines.FILE)
    manifest = json.loads((new / "manifest.json").read_text())
    facts = {key: manifest[key] for key in ("split", "data")}
    bundle.write_manifest(new, facts)
    with pytest.raises(NoValidBundle, match=rf"baselines\.parquet .*{reason}.* Next: make pipe"):
        run(new)


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


def test_a_missing_holdout_names_the_next_command(make, run, holdout):
    """The pipeline has not run."""
    new = make("new", "wind")
    holdout.unlink()
    with pytest.raises(UsageError, match="make pipeline"):
        run(new)


class FakeBundle:
    """A bundle whose predictor gives this answer, or raises it."""

    def __init__(self, answer, column="distance", classes=("no", "yes")):
        self.id = "abc"
        self.contract = Contract("classification", "late", (Column(column, "number"),), classes)
        self.predictor = self
        self.answer = answer

    def scores(self, matrix):
        if isinstance(self.answer, Exception):
            raise self.answer
        return np.full((len(matrix), 2), self.answer)


@pytest.fixture
def rows():
    """Two rows with a number, a text and a target."""
    return pd.DataFrame({"distance": [1.0, 2.0], "origin": ["EWR", "x"], "_target": ["yes", "no"]})


def test_targets_are_in_the_terms_of_each_contract(rows):
    """Classes in another order, other positions."""
    for classes, expected in ((("no", "yes"), [1, 0]), (("yes", "no"), [0, 1])):
        scored = scoring.score(FakeBundle(0.5, classes=classes), rows, "new")
        assert (scored.name, scored.id, scored.scores.shape) == ("new", "abc", (2, 2))
        assert list(scored.y) == expected


@pytest.mark.parametrize(
    ("model", "status", "reason"),
    [
        (FakeBundle(0.5, "speed"), "hold", "needs columns that the holdout does not have: speed"),
        (FakeBundle(0.5, "origin"), "hold", "cannot take these rows"),
        (FakeBundle(0.5, classes=("no", "maybe")), "hold", "do not occur in training"),
        (FakeBundle(RuntimeError("bad graph")), "fail", "is unreadable: bad graph"),
        (FakeBundle(np.nan), "fail", "gives 4 scores that are not finite numbers"),
    ],
)
def test_a_model_that_cannot_be_scored_says_why(rows, model, status, reason):
    """A reason, not a crash: the gate decides what follows from it."""
    scored = scoring.score(model, rows, "old")
    assert isinstance(scored, Unscorable)
    assert scored.status == status
    assert reason in scored.reason


def test_the_gate_needs_neither_sources_nor_other_stages():
    """Importing it loads the rule of the split, but no stage and no SQLAlchemy."""
    code = "import mlops_loop.gate.gate, sys; print(*sys.modules)"
    call = [sys.executable, "-c", code]
    loaded = set(subprocess.run(call, check=True, capture_output=True, text=True).stdout.split())
    stages = {name for name in loaded if name.startswith("mlops_loop.pipeline.")}
    assert stages == {"mlops_loop.pipeline.split"}
    assert not {name for name in loaded if name.startswith("mlops_loop.sources")}
    assert "sqlalchemy" not in loaded

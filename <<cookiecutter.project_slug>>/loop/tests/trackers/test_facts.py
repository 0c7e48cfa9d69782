"""What is published is what this training left, by its own names, and no address of a source."""

from __future__ import annotations

import json

import pytest

from mlops_loop import paths
from mlops_loop.errors import NoValidBundle, UsageError
from mlops_loop.trackers import facts


def append(path):
    path.write_text(path.read_text() + "# more\n")


def test_parameters_of_the_lock_and_what_the_search_chose(trained):
    trained()
    assert facts.read().params == {
        "best.depth": "3",
        "best.iterations": "12",
        "best.loss": "log",
        "evaluate.slices": '["carrier"]',
        "source.kind": "sql",
        "task": "classification",
        "train.folds": "3",
        "train.grid.depth": "[3, null]",
    }


def test_no_address_of_a_source_is_published(trained):
    trained()
    assert "db.example.org" not in repr(facts.read())


def test_metrics_have_the_ends_of_their_intervals(trained):
    """What these rows do not define is left out; a name has no slash."""
    trained()
    assert facts.read().metrics == {
        "n_rows": 40,
        "roc_auc": 0.9,
        "own_metric": 0.5,
        "roc_auc.low": 0.85,
        "roc_auc.high": 0.94,
        "search.roc_auc": 0.8,
        "search.spread": 0.01,
    }


def test_curves_of_the_final_fit(trained):
    trained()
    assert facts.read().curves == {"training.loss": (0.7, 0.5)}


def test_tags_say_where_the_model_comes_from(trained, project):
    """Bundle, commit, and the md5 of everything below data/ in dvc.lock."""
    model = trained()
    head = project.commit()
    assert facts.read().tags == {
        "bundle_id": model.id,
        "commit": head,
        "confidence": "0.95",
        "md5 data/prepared": "0123.dir",
        "md5 data/raw": "abcd.dir",
        "task": "classification",
    }


def test_the_lock_that_training_wrote_is_no_uncommitted_change(trained, project):
    trained()
    project.commit()
    append(project.root / "dvc.lock")
    assert "uncommitted" not in facts.read().tags
    append(project.root / ".gitignore")
    assert facts.read().tags["uncommitted"] == "true"


def test_a_commit_that_is_given_is_the_commit(trained):
    trained()
    assert facts.read("a" * 40).tags["commit"] == "a" * 40


def test_the_verdict_of_this_bundle_alone(trained):
    """One that was left by another model is not published."""
    model = trained()
    for challenger, shown in ((model.id, True), ("0" * 12, False)):
        verdict = {"challenger": challenger, "decision": "HOLD", "champion": "v1.0.0"}
        paths.VERDICT.write_text(json.dumps(verdict))
        paths.REPORT.write_text(f"# Report of {challenger}\n")
        found = facts.read()
        assert (found.tags.get("gate") == "HOLD") is shown
        assert (paths.VERDICT in found.files["reports"]) is shown
        assert (paths.REPORT in found.files["reports"]) is shown


def test_files_by_folder(trained):
    trained()
    found = facts.read().files
    assert {path.name for path in found["bundle"]} == {
        "contract.json", "golden.jsonl", "manifest.json", "metrics.json", "model_card.md",
        "reference.json",
    }  # fmt: skip
    assert set(found["reports"]) == set(facts.REPORTS)
    assert len(found["plots"]) == 10


@pytest.mark.parametrize("path", [paths.TRAINING_REPORT, paths.METRICS])
def test_a_report_of_another_training_is_refused(trained, path):
    """Also models/bundle after `loop registry fetch` of another version."""
    trained()
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UsageError, match=rf"{path.as_posix()} is not the one that dvc.lock names"):
        facts.read()


def test_a_bundle_of_another_training_is_refused(trained, write_bundle):
    trained()
    write_bundle(paths.BUNDLE, "b")
    with pytest.raises(UsageError, match=r"models/bundle is not the one that dvc.lock names"):
        facts.read()


def test_what_is_missing_is_named(trained):
    trained()
    paths.EXPORT_REPORT.unlink()
    with pytest.raises(UsageError, match=r"reports/export.json is missing. Next: uv run dvc check"):
        facts.read()
    facts.LOCK.unlink()
    with pytest.raises(UsageError, match=r"dvc.lock is missing"):
        facts.read()


def test_no_bundle(trained, monkeypatch, tmp_path):
    trained()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoValidBundle):
        facts.read()


def test_a_long_value_is_cut(trained):
    trained()
    text = facts.LOCK.read_text().replace("carrier", "c" * 9000)
    facts.LOCK.write_text(text)
    assert len(facts.read().params["evaluate.slices"]) == facts.LONGEST_VALUE

"""The report helps a reviewer to decide, whatever the data hold and whatever is missing."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_loop.errors import NoValidBundle, UsageError
from mlops_loop.gate import gate
from mlops_loop.gate.comparison import Check
from mlops_loop.github import markers
from mlops_loop.model import bundle
from mlops_loop.report import report

GOLDEN = Path(__file__).with_name("report.golden.md")
REPORTS, BUNDLE = Path("reports"), Path("models/bundle")


def reference(share):
    """Of two columns, one of them a category."""
    number = {"edges": [1.0], "shares": [share, 1 - share], "minimum": 0.0, "maximum": 2.0}
    number |= {"missing_share": 0.0, "mean": 1.5 - share}
    levels = {"shares": {"a": share, "b": 1 - share}, "missing_share": share / 5}
    number, levels = number | {"kind": "number"}, levels | {"kind": "category"}
    return {"n_rows": 10, "columns": {"size": number, "team": levels}}


def judged(new, text, status, champion):
    """A verdict with a check of each kind, `text` wherever data may stand."""
    made = [
        Check("comparison", status, f"Not shown: {text}.", 0.012, -0.02, 0.03, -0.01, 900)
        if champion
        else Check("comparison", "skip", "Nothing to compare with."),
        Check("absolute", "pass", "", 7.25, 7, 7.5, 9, 900, text, "mae"),
        Check("slice", "pass", text, 0.7, 0.6, 0.8, 0.5, 90, slice=f"team={text}"),
    ]
    if status == "hold":
        made.append(Check("suspicion", "hold", "Look.", rows_needed=5400))
    return gate.conclude(made, new.id, champion).to_dict()


@pytest.fixture
def write(project, monkeypatch):
    """`write("text")` leaves what stages and gate leave, with `text` for all that data hold."""
    monkeypatch.chdir(project.root)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_RUN_ID", "REPORT_STEPS"):
        monkeypatch.delenv(name, raising=False)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_DATE", "2026-01-01T00:00:00Z")
    (project.root / "params.yaml").write_text(yaml.safe_dump({"train": {"folds": 5}, "seed": 1}))
    project.train("a")
    project.commit()
    old = project.git("rev-parse", "HEAD")

    def write(text="EWR", status="pass", champion="v1.0.0", columns=("size",), n_slices=1):
        project.train("b")
        values = {"reference.json": reference(0.7), "metrics.json": {"n_rows": 900, "mae": 7.25}}
        values["contract.json"] = contract(text, "regression", (*columns, text))
        for name, value in values.items():
            (BUNDLE / name).write_text(json.dumps(value))
        bundle.write_manifest(BUNDLE, {})
        new = bundle.load(BUNDLE)
        params = {"train": {"folds": 5, "grid": {text: [text]}}, "seed": 2}
        Path("params.yaml").write_text(yaml.safe_dump(params))
        verdict = judged(new, text, status, champion)
        verdict["checks"] += [verdict["checks"][-1]] * (n_slices - 1)
        found = {
            "gate": verdict,
            "champion": champion and {
                "version": champion, "bundle": "0123456789ab", "commit": old,
                "contract": contract(text, "regression", ("size", f"old {text}")),
                "reference": reference(0.4), "rows": {"train": 60, "validation": 10},
                "compared": {"n_rows": 900, "champion": {"mae": 7.5}, "challenger": {"mae": 7.25},
                             "baselines": {"mae": {"constant": 9.5, "shallow": 8}}},
            },
            "validation": {"n_failed": 3, "n_rows": 100, "failures": [
                {"column": text, "check": f"isin({text})", "n_rows": 3, "examples": [text]}]},
            "preparation": {
                "rows": {"train": 70, "validation": 10, "holdout": 20},
                "dropped": {f"missing {text}": 5, "key came before": 0}},
            "training": {
                "estimator": "mlp", "scoring": "mae", "candidates": [
                    {"values": {"alpha": a, text: text}, "score": a, "spread": 0.5}
                    for a in (0.1, 1.0, 10.0)]},
            "evaluation": {
                "metrics": {"n_rows": 900, "mae": 7.25}, "intervals": {"mae": [7.0, 7.5]},
                "baselines": {"mae": {"constant": 9.5}},
                "confidence": 0.95,
                "importance": [{"column": text, "loss": 0.25}, {"column": "size", "loss": -0.1}]},
        }  # fmt: skip
        (REPORTS / "plots").mkdir(parents=True, exist_ok=True)
        for name, value in found.items():
            (REPORTS / f"{name}.json").unlink(missing_ok=True)
            if value:
                (REPORTS / f"{name}.json").write_text(json.dumps(value))
        (REPORTS / "plots/predicted.csv").write_text("predicted,actual\n3,2.5\n1,1.5\n2,2\n")
        return new

    return write


def contract(text, task, names):
    columns = [{"name": name, "kind": "number", "unit": text} for name in names]
    facts = {"task": task, "target": text, "target_unit": text, "classes": [], "threshold": 0.5}
    return facts | {"columns": columns}


def run(**options):
    return report.write(REPORTS, BUNDLE, **options).read_text(encoding="utf-8")


def test_golden(write, monkeypatch):
    """Word by word. After a change on purpose: REFRESH=1 pytest tests/report/test_report.py"""
    write("late_flights (JFK)", status="hold")
    monkeypatch.setenv("GITHUB_RUN_ID", "4242")
    Path("dvc.lock").write_text("changed")
    text = run()
    if os.environ.get("REFRESH"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_a_hold_says_what_makes_a_check_possible(write):
    """In place of the rows that would decide; a verdict of an older version has no such thing."""
    write("EWR", status="hold")
    path = REPORTS / "gate.json"
    verdict = json.loads(path.read_text())
    for check in verdict["checks"]:
        check.pop("resolve")
    path.write_text(json.dumps(verdict))
    assert "held-out rows**" in run()
    verdict["checks"][0]["resolve"] = "add 'precip' to prepare.carry_columns"
    path.write_text(json.dumps(verdict))
    text = run()
    [line] = [line for line in text.splitlines() if line.startswith("Next: add ")]
    assert re.sub(r"\W", "", line) == "Nextaddprecip to prepare carry_columns".replace(" ", "")
    assert "held-out rows**" not in text


@pytest.mark.parametrize(
    ("status", "champion"), [("pass", None), ("hold", "v1.0.0"), ("fail", "v1.0.0")]
)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_data_add_no_element(write, nasty, read, status, champion, data):
    """The structure is the one for harmless data, and nothing is live."""
    write("EWR", status, champion)
    calm = read(run())
    write(data.draw(nasty), status, champion)
    found = read(run())
    assert found.tags == calm.tags
    assert found.tags.count("comment") == 2  # the marker, and the bundle's scores
    assert found.live == []


def test_the_marker_comes_first(write):
    """By it the next run finds its comment."""
    write()
    assert run().startswith(f"{markers.REPORT}\n## ")


@pytest.mark.parametrize(
    ("status", "words"),
    [("pass", "PROMOTE"), ("hold", "HOLD"), ("fail", "REJECT")],
)
def test_the_verdict_comes_first(write, status, words):
    """One word, then one sentence why."""
    write(status=status)
    lines = run().splitlines()
    assert lines[1].endswith(f" {words}")
    assert lines[3].startswith("**Why:** ")


def test_a_hold_says_what_to_do(write):
    """The rows that would decide, and the label; nobody overrides a REJECT."""
    write(status="hold")
    assert "**5,400 held-out rows** would be enough" in run()
    assert "`gate-override`" in run()
    write(status="fail")
    assert "gate-override" not in run()


def test_before_the_gate_the_next_command_is_named(write):
    """A verdict on another bundle is none."""
    write()
    verdict = json.loads((REPORTS / "gate.json").read_text())
    (REPORTS / "gate.json").write_text(json.dumps(verdict | {"challenger": "another"}))
    assert "Not judged yet" in run()
    (REPORTS / "gate.json").unlink()
    assert "Next: `make gate`" in run()


def test_nothing_but_a_bundle_is_enough(write):
    """Each part that is missing is left out or said in one line."""
    write(champion=None)
    for path in REPORTS.rglob("*.*"):
        path.unlink()
    text = run()
    assert "no champion" in text
    assert "Next: `make gate`" in text


def test_an_overridden_hold_is_no_clean_pass(write):
    """In the heading, in the colour of a HOLD."""
    write(status="hold")
    path = REPORTS / "gate.json"
    verdict = json.loads(path.read_text())
    path.write_text(json.dumps(verdict | {"decision": "PROMOTE", "overridden": True}))
    assert "## 🟡 PROMOTE, a HOLD that a person overrode" in run()


def test_nothing_changed(write):
    """The champion's own model needs no tables."""
    new = write()
    champion = json.loads((REPORTS / "champion.json").read_text())
    (REPORTS / "champion.json").write_text(json.dumps(champion | {"bundle": new.id}))
    text = run()
    assert "Nothing changed: this is the champion's model" in text
    assert "### Parameters" in text
    assert "### Data" not in text


def test_parameters_are_compared_with_any_commit(write, project):
    """The champion's is the default; a base that is no commit is a wrong call."""
    write()
    assert "| seed | 1 | 2 |" in run()
    assert "| seed" not in run(base=project.commit())
    with pytest.raises(UsageError, match="no commit 'nowhere' here"):
        run(base="nowhere")


RULES = {"min_rows": 500, "primary": {"metric": "mae", "margin": 0.01}}


@pytest.mark.parametrize("same", [False, True], ids=["another model", "the champion's model"])
def test_a_branch_that_changes_what_may_ship_says_so(write, project, same):
    """Right after the verdict, which its own gate.yaml gave; another key is a change as well."""
    Path("gate.yaml").write_text(yaml.safe_dump(RULES))
    project.git("add", "gate.yaml")
    base, new = project.commit(), write()
    if same:
        champion = json.loads((REPORTS / "champion.json").read_text())
        (REPORTS / "champion.json").write_text(json.dumps(champion | {"bundle": new.id}))
    assert "What may ship has changed" not in run(base=base)
    looser = RULES | {"primary": {"metric": "mae", "margin": 0.1}, "slices": {"limit": 9}}
    Path("gate.yaml").write_text(yaml.safe_dump(looser))
    text = run(base=base)
    assert "| primary.margin | 0.01 | 0.1 |" in text
    assert "| slices.limit | - | 9 |" in text
    places = [text.find(part) for part in ("\n## ", "What may ship has changed", "\n### Checks")]
    assert places[0] < places[1]
    assert same or places[1] < places[2]


def test_a_gate_that_is_no_yaml_is_named(write, project):
    """Not as the file of parameters."""
    Path("gate.yaml").write_text("a: [")
    project.git("add", "gate.yaml")
    base = project.commit()
    write()
    with pytest.raises(UsageError, match=r"^gate\.yaml, here or at"):
        run(base=base)


def test_outside_of_git_there_is_a_report(write, tmp_path, monkeypatch):
    """Without a history nothing is compared and no commit is named."""
    write()
    (Path(".git")).rename(tmp_path / "elsewhere")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    text = run()
    assert "not in this clone, so parameters are not compared" in text
    assert "git fetch" not in text


def test_a_first_run_is_told_nothing_alarming(write, project):
    """No champion, no origin, and a lock that was never committed; DVC may have staged it."""
    write(champion=None)
    project.git("rm", "--quiet", "--cached", "dvc.lock")
    project.git("commit", "--quiet", "--message", "No lock")
    for status in ("", "A"):
        if status:
            project.git("add", "dvc.lock")
        text = run()
        assert "The lock file is not committed yet" in text
        assert "from the store. Commit it with your change." in text
        assert "git add dvc.lock" in text
        assert "stale" not in text
        assert "origin" not in text
        assert "no champion yet, so parameters are not compared" in text


def test_a_commit_that_was_pushed_can_be_reproduced(write, project):
    """By whoever can fetch it from `origin`; an own commit is nobody else's."""
    write()
    commit = project.commit()
    assert "Reproduce" not in run()
    project.git("update-ref", "refs/remotes/origin/main", commit)
    assert f"git fetch origin {commit}" in run()
    project.commit()
    assert "Reproduce" not in run()


@pytest.mark.parametrize(("status", "title"), [("changed", "The lock file has changed")])
def test_a_lock_that_waits_for_a_commit_is_not_stale(write, project, status, title):
    """On a laptop the next commit has it."""
    write()
    project.commit()
    Path("dvc.lock").write_text(status)
    text = run()
    assert title in text
    assert "stale" not in text


def test_candidates_that_could_not_be_fitted_are_listed(write):
    """Under the model's heading, also where the rest of the training is of another task."""
    write()
    path = REPORTS / "training.json"
    found = json.loads(path.read_text())
    found["candidates"].append({"values": {}, "score": None, "spread": None, "failed": "too deep"})
    for scoring in ("mae", "roc_auc"):
        path.write_text(json.dumps(found | {"scoring": scoring}))
        model = run().partition("### Model\n")[2].partition("\n### ")[0]
        assert "**1 of 4 candidates could not be fitted.**" in model
        assert "- too deep" in model
        assert ("best of 4: mae" in model) == (scoring == "mae")


def test_nobody_commits_the_lock_of_a_refused_model(write, project):
    """It would keep what the next line asks to take back; the patch is there for who wants it."""
    write(status="fail")
    project.commit()
    Path("dvc.lock").write_text("changed\n")
    assert "git add dvc.lock" not in run()
    assert (REPORTS / "dvc.lock.patch").exists()


@pytest.mark.parametrize(("run_id", "named"), [("4242", True), ("", False), ("1;rm", False)])
def test_a_stale_lock_has_its_commands(write, project, monkeypatch, run_id, named):
    """In a workflow the patch is an artifact; on a laptop the file is there already."""
    write()
    project.commit()
    assert "lock file is stale" not in run()
    assert not (REPORTS / "dvc.lock.patch").exists()
    Path("dvc.lock").write_text("changed\n")
    monkeypatch.setenv("GITHUB_RUN_ID", run_id)
    assert "git add dvc.lock" in run()
    new = Path("dvc.lock").read_text()
    project.git("checkout", "dvc.lock")
    project.git("apply", str(REPORTS / "dvc.lock.patch"))
    assert Path("dvc.lock").read_text() == new
    assert ("gh run download 4242 --name dvc-lock" in run()) == named
    assert "rm" not in run().partition("```sh")[2]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gate.json", "{"),
        ("gate.json", "[]"),
        ("gate.json", '{"a": 1}'),
        ("champion.json", '{"bundle": "a"}'),
        ("evaluation.json", '{"a": 1}'),
        ("plots/predicted.csv", "a,b\nx,y\n"),
    ],
)
def test_a_broken_file_is_an_error_of_the_user(write, name, content):
    """With what to do next, and without a traceback."""
    write()
    (REPORTS / name).write_text(content)
    with pytest.raises(UsageError, match="Next: "):
        run()


def test_without_a_bundle_there_is_nothing_to_report():
    """The error says how to make one."""
    with pytest.raises(NoValidBundle, match="make pipeline"):
        report.write(REPORTS, Path("nowhere"))


def test_a_thousand_slices_fit_into_a_comment(write, tmp_path, monkeypatch):
    """What is left out is whole in the summary of the job, which is only added to."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    write(text="é" * 200, n_slices=1000)
    text, whole = run(), summary.read_text(encoding="utf-8")
    assert len(text.encode()) < 60_000
    assert "Left out for length: Slices and groups: 1,000" in text
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    assert whole.startswith(f"before\n{markers.REPORT}")
    assert "<summary>1000 rows</summary>" in whole


def test_a_first_lock_is_a_patch_too(write, project):
    """The commit has none."""
    write()
    project.git("rm", "--quiet", "--cached", "dvc.lock")
    project.git("commit", "--quiet", "--message", "No lock")
    new = Path("dvc.lock").read_text()
    run()
    Path("dvc.lock").unlink()
    project.git("apply", str(REPORTS / "dvc.lock.patch"))
    assert Path("dvc.lock").read_text() == new


@pytest.mark.parametrize("trained", [True, False])
def test_what_stopped_a_job_is_reported(write, nasty_parts, read, trained):
    """Instead of a verdict; before the training ended there is no bundle either."""
    write()
    (REPORTS / "gate.json").unlink()
    stopped = {"command": "train", "error": "DataRefused", "message": "".join(nasty_parts)}
    (REPORTS / "stopped.json").write_text(json.dumps(stopped))
    if not trained:
        BUNDLE.rename("elsewhere")
    text = run()
    assert "## 🔴 Stopped\n\n**DataRefused** in `loop train`: " in text
    assert ("### Plots" in text) == trained
    assert read(text).live == []


def test_what_failed_after_the_verdict_is_reported(write, monkeypatch):
    """An error of a later command, and the failed steps of the job; those that passed are not."""
    write()
    stopped = {"command": "verify-image", "error": "SmokeFailed", "message": "Another answer."}
    (REPORTS / "stopped.json").write_text(json.dumps(stopped))
    steps = {"train": "success", "verify-image": "failure", "lint": "skipped", "test": "failure"}
    outcomes = {name: {"outcome": outcome, "outputs": {}} for name, outcome in steps.items()}
    monkeypatch.setenv("REPORT_STEPS", json.dumps(outcomes))
    verdict = run().partition("###")[0]
    assert "PROMOTE" in verdict
    assert "**SmokeFailed** in `loop verify-image`: Another answer." in verdict
    assert "**Failed steps, see the log of the run:** `test` `verify-image`" in verdict


def test_the_last_line_is_the_review_marker(write):
    """By it a release knows whether it made the model that was reviewed."""
    new = write()
    assert run().splitlines()[-1] == markers.of_bundle(new)


def test_a_page_is_drawn(write, tmp_path):
    """From the same Markdown."""
    write()
    run(page=tmp_path / "made/page.html")
    assert "<h2>🟢 PROMOTE</h2>" in (tmp_path / "made/page.html").read_text(encoding="utf-8")

"""The page about experiments, followed word by word on a trained project."""

import csv
import shutil
import time
from pathlib import Path

import pytest
from conftest import check, give_environment
from documents import shell

SECONDS = 300


@pytest.fixture(scope="module")
def followed(loop, module_path) -> Path:
    """Run every block of the page in one shell, and wait for the queue where it is started."""
    source = loop("classification").folder
    folder = module_path / "flight-delays"
    shutil.copytree(source, folder, symlinks=True)
    give_environment(folder, source)
    page = folder / "loop" / "docs" / "experiments.md"
    for commands in shell(page)[1:]:
        script = f"set -e\n. .venv/bin/activate\nexport PYTHONPATH=src:loop/src\n{commands}"
        check("bash", "-c", script, cwd=folder)
        if "queue start" in commands:
            wait_for_queue(folder)
    return folder


def wait_for_queue(folder: Path) -> None:
    """Return when nothing waits or runs any more."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        status = check(".venv/bin/dvc", "queue", "status", cwd=folder)
        if "Queued" not in status and "Running" not in status:
            assert status.count("Success") == 2, status
            return
        time.sleep(2)
    pytest.fail(f"the queue is still busy: {status}")


def test_every_experiment_is_listed_with_its_metrics(followed):
    """The named one and the two of the sweep, under the commit that they started from."""
    with (followed / "build" / "experiments.csv").open(encoding="utf-8") as file:
        runs = [row for row in csv.DictReader(file) if row["typ"].startswith("branch")]
    assert len(runs) == 3
    assert "linear" in {row["Experiment"] for row in runs}
    assert all(0.6 < float(row["roc_auc"]) < 0.8 for row in runs)


def test_the_branch_holds_the_parameters_of_its_experiment(followed):
    """A branch like any other."""
    params = check("git", "show", "try-linear:params.yaml", cwd=followed)
    assert "estimator: linear" in params


def test_the_working_tree_is_what_was_committed(followed):
    """Experiments leave no change behind."""
    assert check("git", "status", "--porcelain", "--untracked-files=no", cwd=followed) == ""


def test_the_plots_of_both_are_on_one_page(followed):
    """Drawn by DVC from the tables of the stages."""
    page = (followed / "dvc_plots" / "index.html").read_text(encoding="utf-8")
    assert "true positive rate" in page
    assert "linear" in page


def test_a_run_is_found_again_by_its_commit(followed):
    """The bundle of a commit, byte for byte."""
    found, here = (followed / name / "manifest.json" for name in ("build/found", "models/bundle"))
    assert found.read_bytes() == here.read_bytes()

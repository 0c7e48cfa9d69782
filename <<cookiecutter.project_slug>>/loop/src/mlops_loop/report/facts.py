"""What the report shows: read from what the stages and the gate wrote, and from git's history."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from mlops_loop import files, git, paths, tasks
from mlops_loop.errors import UsageError
from mlops_loop.model.bundle import Bundle
from mlops_loop.model.contract import Contract
from mlops_loop.report import changes, chosen
from mlops_loop.tasks import metrics
from mlops_loop.text import with_unit
from mlops_loop.yaml_text import YAMLError, parse

STAGE_REPORTS = (
    "stopped", "gate", "champion", "validation", "preparation", "training", "evaluation",
)  # fmt: skip
MAX_POINTS = 10


def collect(reports: Path, bundle: Bundle | None, base: str | None) -> dict[str, Any]:
    """The variables of the template; what no stage has written yet is None.

    A verdict on another bundle than this one counts as none. Raises UsageError for a `base` that is
    no commit and for files that are no JSON or YAML.
    """
    facts = {name: _read(reports / f"{name}.json") for name in STAGE_REPORTS}
    if facts["gate"] is not None and (not bundle or facts["gate"]["challenger"] != bundle.id):
        facts["gate"] = None
    if not facts["gate"]:
        facts["champion"] = None
    contract = bundle.contract if bundle else None
    model = {
        "id": bundle.id if bundle else "",
        "contract": contract,
        "shallow": bool(bundle and tasks.of(bundle.contract).shallow_name),
        "title": tasks.of(bundle.contract).title(bundle.contract) if bundle else "",
        "curve": _curve(reports / paths.PLOTS.name, bundle.contract) if bundle else None,
        "curve_axis": tasks.of(bundle.contract).curve_axis(bundle.contract) if bundle else "",
        "units": _units(bundle.contract) if bundle else {},
        "model": chosen.collect(_training_of(facts), contract, facts["champion"]),
    }
    comparison = _compare(bundle, facts["champion"])
    parameters = _parameters(base, facts["champion"], is_stopped=bool(facts["stopped"]))
    return facts | model | comparison | parameters | _workflow_facts()


def _training_of(facts: dict[str, Any]) -> dict[str, Any] | None:
    """The report of the training that led to the bundle; None where stages stopped on the way."""
    return None if facts["stopped"] else facts["training"]


def _read(path: Path) -> Any:
    return files.read_json(path) if path.exists() else None


def _compare(bundle: Bundle | None, champion: dict[str, Any] | None) -> dict[str, Any]:
    """What differs between the champion and the bundle; all of it empty without a champion."""
    if not bundle or not champion:
        return {"same": False, "compared": [], "columns": [], "moved": []}
    contract, reference = (bundle.read_json(f"{name}.json") for name in ("contract", "reference"))
    return {
        "same": champion["bundle"] == bundle.id,
        "compared": _metrics(champion["compared"], bundle.contract),
        "columns": list(changes.columns(champion["contract"], contract)),
        "moved": changes.distributions(champion["reference"], reference),
    }


def _units(contract: Contract) -> dict[str, str]:
    """By name the units of all metrics."""
    known = metrics.table(contract.task)
    return {name: metric.unit_of(contract) for name, metric in known.items()}


def _metrics(compared: dict[str, Any] | None, contract: Contract) -> list[tuple[Any, ...]]:
    """Each metric of champion and challenger on the same rows, and by how much it is better.

    Then the same metric of the best constant and of the shallow model.
    """
    if not compared:
        return []
    rows = []
    for name, old in compared["champion"].items():
        new = compared["challenger"][name]
        metric = metrics.find(contract.task, name)
        gain = None if None in (old, new) else metric.sign * (new - old)
        known = compared["baselines"][name]
        title = with_unit(name, metric.unit_of(contract))
        shallow = (known.get("shallow"),) if tasks.of(contract).shallow_name else ()
        rows.append((title, old, new, gain, known["constant"], *shallow))
    return rows


def _parameters(
    base: str | None, champion: dict[str, Any] | None, is_stopped: bool
) -> dict[str, Any]:
    """`base`, the commit compared with, and what differs; all of it empty without one.

    `parameters` of params.yaml, and `rules` of gate.yaml.
    """
    name = base or (champion or {}).get("commit", "")
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if base and not commit:
        raise UsageError(f"There is no commit {base!r} here. Next: git fetch --unshallow origin")
    found: dict[str, Any] = {"base": commit[:12], "parameters": [], "rules": []}
    for name, path in (("parameters", paths.PARAMS), ("rules", paths.GATE_POLICY)):
        try:
            found[name] = _changed_entries(commit, path)
        except YAMLError as error:
            if is_stopped:  # by this error, which the report shows
                return {"base": "", "parameters": [], "rules": []}
            raise UsageError(f"{path}, here or at {commit[:12]}, is not YAML: {error}") from error
    return found


def _changed_entries(commit: str, path: Path) -> list[changes.Change]:
    """Entries of a YAML file that differ between a commit and here; none where either lacks it."""
    if not commit or not path.exists() or not (before := _git("show", f"{commit}:./{path}")):
        return []
    now = path.read_text(encoding="utf-8")
    return changes.between(*(changes.flat(parse(text)) for text in (before, now)))


def _workflow_facts() -> dict[str, Any]:
    """The commit, the run, failed steps, and git's status of a `dvc.lock` that training changed.

    REPORT_STEPS is GitHub's context `steps` as JSON: the steps of the job that have an id. The
    commit is empty where nobody else can have it: on a laptop, before it is pushed.
    """
    steps = json.loads(os.environ.get("REPORT_STEPS") or "{}")
    run_id = os.environ.get("GITHUB_RUN_ID", "")
    run_id = run_id if run_id.isdigit() else ""
    return {
        "stale": _git("status", "--porcelain", "--", "dvc.lock"),
        "commit": _git("rev-parse", "HEAD") if run_id or _is_pushed() else "",
        "run_id": run_id,
        "failed": sorted(name for name, step in steps.items() if step["outcome"] == "failure"),
    }


def _is_pushed() -> bool:
    """Whether `origin` had the commit when git last asked it."""
    return bool(_git("for-each-ref", "--contains", "HEAD", "refs/remotes/origin"))


def lock_patch(status: str) -> str:
    """The patch from which `git apply` makes the new `dvc.lock`.

    status: of the file, by `git status --porcelain`; it may be new.
    """
    is_new = status.startswith("??")
    compared = ("--no-index", "--", os.devnull) if is_new else ("HEAD", "--")
    return git.run(Path(), "diff", "--no-ext-diff", *compared, "dvc.lock").stdout


def _git(*args: str) -> str:
    """What git prints; empty where it fails: outside of a repository, before a first commit."""
    done = git.run(Path(), *args)
    return "" if done.returncode else done.stdout.strip()


def _curve(plots: Path, contract: Contract) -> list[list[float]] | None:
    """Predicted and actual: means of at most MAX_POINTS groups of rows, sorted by prediction."""
    path = plots / f"{tasks.of(contract).curve}.csv"
    if not path.exists():
        return None
    points = _points(path)
    groups = np.array_split(points, min(MAX_POINTS, max(len(points), 1)))
    return np.transpose([group.mean(axis=0) for group in groups]).tolist()


def _points(path: Path) -> np.ndarray:
    """The first two columns of a plot, (n_points, 2), by prediction and without missing values."""
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    points = np.array([[text or "nan" for text in row[:2]] for row in rows], float).reshape(-1, 2)
    points = points[~np.isnan(points).any(axis=1)]
    return points[points[:, names.index("predicted")].argsort()]

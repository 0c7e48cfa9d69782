"""The report of a pull request, in Markdown: verdict first, then what led to it, what changed,
and what to do next.

Made from what the stages and the gate wrote; needs git's history, but no store and no network.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import yaml
from markupsafe import Markup

from mlops_loop import files, git
from mlops_loop.errors import NoValidBundle, UsageError
from mlops_loop.github import markdown
from mlops_loop.github.comment import MARKER
from mlops_loop.github.review_marker import seal
from mlops_loop.model import bundle as bundles
from mlops_loop.model.contract import Contract
from mlops_loop.report import changes
from mlops_loop.report.html import draw
from mlops_loop.statistics import metrics
from mlops_loop.text import number

# GitHub says "maximum is 65536 characters" and has taken 262,144 bytes of a comment; a summary
# of a step has 1 MiB. Bytes below the smaller number fit however it counts.
COMMENT, SUMMARY, PAGE = 60_000, 1_000_000, 2**40
OPTIONAL = ("stopped", "gate", "champion", "validation", "preparation", "evaluation")
ICONS = {"PROMOTE": "🟢", "HOLD": "🟡", "REJECT": "🔴"}
ICONS |= {"pass": "✅", "hold": "⏸️", "fail": "❌", "skip": "⚪"}
POINTS = 10


def run(reports: Path, bundle_dir: Path, base: str | None = None, page: Path | None = None) -> Path:
    """Write `report.md` to `reports`, add it to the job's summary, and draw it as a `page`.

    base: the commit whose parameters are compared, by default the champion's. Where training gave
    another `dvc.lock` than the commit's, `dvc.lock.patch` is what to apply. Raises NoValidBundle
    where there is nothing to report on, not even an error that stopped the stages; UsageError
    for a base that is no commit and for a file that cannot be read.
    """
    try:
        bundle = bundles.load(bundle_dir)
    except NoValidBundle:
        if not (reports / "stopped.json").exists():
            raise
        bundle = None
    try:
        content = collect(reports, bundle, base)
        sections = render(content)
    except (LookupError, TypeError, ValueError, AttributeError, jinja2.UndefinedError) as error:
        raise UsageError(
            f"A file in {reports} is not what this version of the code writes ({error!r}). "
            "Next: make pipeline gate report"
        ) from error
    end = f"\n{seal(bundle)}\n" if bundle else ""
    path = reports / "report.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(markdown.fit(sections, COMMENT - len(end)) + end, encoding="utf-8")
    (reports / "dvc.lock.patch").unlink(missing_ok=True)
    if content["stale"]:
        (reports / "dvc.lock.patch").write_text(_patch(content["stale"]), encoding="utf-8")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown.fit(sections, SUMMARY - len(end)) + end)
    if page:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(draw(markdown.fit(sections, PAGE)), encoding="utf-8")
    return path


def collect(reports: Path, bundle: bundles.Bundle | None, base: str | None) -> dict[str, Any]:
    """What the report tells; a part that no stage has written yet is None.

    A verdict on another bundle than this one counts as none.
    """
    found = {
        name: files.read_json(path) if (path := reports / f"{name}.json").exists() else None
        for name in OPTIONAL
    }
    if found["gate"] is not None and (not bundle or found["gate"]["challenger"] != bundle.id):
        found["gate"] = None
    old = found["champion"] = found["champion"] if found["gate"] else None
    names = ("contract", "reference") if old else ()
    new = {name: bundle.read_json(f"{name}.json") for name in names}
    run_id = os.environ.get("GITHUB_RUN_ID", "")
    return found | {
        "id": bundle.id if bundle else "",
        "contract": bundle.contract if bundle else None,
        "same": bool(old) and old["bundle"] == bundle.id,
        "compared": _compared(old, bundle.contract.task) if old else [],
        "columns": list(changes.columns(old["contract"], new["contract"])) if old else [],
        "moved": changes.distributions(old["reference"], new["reference"]) if old else [],
        **_parameters(base, old, found["stopped"]),
        "curve": _curve(reports / "plots", bundle.contract) if bundle else None,
        "stale": _git("status", "--porcelain", "--", "dvc.lock"),
        "commit": _git("rev-parse", "HEAD"),
        "run_id": run_id if run_id.isdigit() else "",
    }


def _patch(status: str) -> str:
    """What `git apply` makes the new `dvc.lock` of, be it changed or the first."""
    first = ("--no-index", "--", os.devnull) if status.startswith("??") else ("HEAD", "--")
    return git.run(Path(), "diff", "--no-ext-diff", *first, "dvc.lock").stdout


def _git(*args: str) -> str:
    """What git says, empty where it refuses: outside of a repository, before a first commit."""
    done = git.run(Path(), *args)
    return "" if done.returncode else done.stdout.strip()


def _parameters(base: str | None, champion: dict[str, Any] | None, stopped: Any) -> dict[str, Any]:
    """`base`, the commit compared with, and `parameters` that differ; both empty without one."""
    name = base or (champion or {}).get("commit", "")
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if base and not commit:
        raise UsageError(f"There is no commit {base!r} here. Next: git fetch --unshallow origin")
    before = _git("show", f"{commit}:./params.yaml") if commit else ""
    now = Path("params.yaml").read_text(encoding="utf-8") if before else ""
    try:
        pair = [changes.flat(yaml.safe_load(text)) for text in (before, now)]
    except yaml.YAMLError as error:
        if stopped:  # which says it already
            return {"base": "", "parameters": []}
        raise UsageError(f"params.yaml, here or at {commit[:12]}, is not YAML: {error}") from error
    return {"base": commit[:12], "parameters": changes.between(*pair)}


def _compared(champion: dict[str, Any], task: str) -> list[tuple[Any, ...]]:
    """Each metric of champion and challenger on the same rows, and by how much it is better."""
    found, rows = champion["compared"] or {}, []
    for name, old in found.get("champion", {}).items():
        new = found["challenger"][name]
        gain = None if None in (old, new) else metrics.find(task, name).sign * (new - old)
        rows.append((name, old, new, gain))
    return rows


def _curve(plots: Path, contract: Contract) -> list[list[float]] | None:
    """Predicted and actual: means of at most ten groups of points along the predicted."""
    path = plots / ("calibration.csv" if contract.classes else "predicted.csv")
    if not path.exists():
        return None
    points = pd.read_csv(path).iloc[:, :2].dropna().sort_values("predicted").to_numpy(dtype=float)
    groups = np.array_split(points, min(POINTS, max(len(points), 1)))
    return np.transpose([group.mean(axis=0) for group in groups]).tolist()


def render(content: dict[str, Any]) -> list[str]:
    """The sections of the report, those with nothing to say left out; every value is escaped.

    Of a model that is the champion's own, or that does not exist, only what to do is left.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        finalize=markdown.shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"marker": Markup(MARKER), "icons": ICONS}
    environment.globals |= {"table": markdown.table, "chart": markdown.chart, "checks": _checks}
    environment.globals["spread"] = _spread
    environment.filters["short"] = "{:.3g}".format
    template = environment.get_template("report.md.jinja")
    names = template.blocks
    if content["same"] or not content["id"]:
        names = ("verdict", "parameters", "lock", "reproduce")
    context = template.new_context(content)
    sections = ["".join(template.blocks[name](context)).strip() for name in names]
    return [section for section in sections if section]


def _checks(checks: list[dict[str, Any]]) -> Markup:
    """The answers of the gate as a table, the worst first; a long one is folded."""
    columns = ("result", "check", "estimate:", "interval:", "limit:", "rows:", "why")
    rows = [
        (f"{ICONS[c['status']]} {c['status']}", f"{c['name']} {c['metric']} {c['slice']}",
         f"{number(c['estimate'])} {c['unit']}", _spread(c["low"], c["high"]), c["threshold"],
         c["n_rows"], c["message"])
        for c in checks
    ]  # fmt: skip
    return markdown.table(columns, rows, most=12)


def _spread(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"

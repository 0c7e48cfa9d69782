"""What trackers show of a trained model, read from the bundle, the reports and dvc.lock.

Nothing is computed: a stage whose result was restored from the store publishes the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_loop import files, git, paths, project
from mlops_loop.errors import UsageError
from mlops_loop.model import bundle as bundles
from mlops_loop.model.bundle import Bundle
from mlops_loop.registry.ledger import folder_hash
from mlops_loop.yaml_text import parse

LOCK = Path("dvc.lock")
REPORTS = (
    paths.VALIDATION_REPORT,
    paths.PREPARATION_REPORT,
    paths.TRAINING_REPORT,
    paths.EXPORT_REPORT,
    paths.EVALUATION_REPORT,
    paths.METRICS,
)
NAME = re.compile(r"[^\w. :-]")  # what a name of a parameter or a metric may not have
KEY = re.compile(r"data/[\w. :/-]+")  # a path that a tag may name
LONGEST_NAME, LONGEST_VALUE = 200, 500  # characters; MLflow takes 250 and 6,000
SOURCE = "source"  # its addresses may name hosts and users


@dataclass(frozen=True)
class Facts:
    """A trained model, as trackers show it.

    params: of dvc.lock and of the best candidate, as text. metrics: of the holdout, each in its own
    unit; NAME.low and NAME.high are the ends of its confidence interval. tags: where the model
    comes from. files: by folder in the tracker, the files that belong there. candidates: of the
    search, the best first (see `pipeline.search`). curves: by name, a value of each iteration of
    the final fit (see `pipeline.train`).
    """

    name: str
    bundle_id: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    files: Mapping[str, tuple[Path, ...]]
    scoring: str = ""
    candidates: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)


def read(commit: str = "") -> Facts:
    """The facts of models/bundle. `commit`: what it was trained on, by default HEAD.

    Raises NoValidBundle, and UsageError where a report is missing, or is of another training.
    """
    model, lock = bundles.load(paths.BUNDLE), _read_lock()
    _check_same_training(lock)
    training, evaluation = map(files.read_json, (paths.TRAINING_REPORT, paths.EVALUATION_REPORT))
    return Facts(
        name=project.model_name(),
        bundle_id=model.id,
        params=_params(lock, training),
        metrics=dict(_metrics(evaluation, training)),
        tags=_tags(model, lock, evaluation, commit),
        files=_files(model),
        scoring=training["scoring"],
        candidates=tuple(training["candidates"]),
        curves={f"training.{k}": tuple(v) for k, v in training.get("curves", {}).items()},
    )


def _read_lock() -> dict[str, Any]:
    if not LOCK.exists():
        raise UsageError(f"{LOCK} is missing: no pipeline has run here. Next: make pipeline")
    return parse(LOCK.read_text(encoding="utf-8"))["stages"]


def _check_same_training(lock: Mapping[str, Any]) -> None:
    """Raise UsageError where a file is not the one that dvc.lock names: of another training."""
    outs = {out["path"]: out.get("md5") for stage in lock.values() for out in stage.get("outs", ())}
    for path in (paths.BUNDLE, *REPORTS):
        if not path.exists():
            raise UsageError(f"{path} is missing. Next: uv run dvc checkout, or make pipeline")
        md5 = folder_hash(path) if path.is_dir() else hashlib.md5(path.read_bytes()).hexdigest()
        if md5 != outs.get(path.as_posix()):
            raise UsageError(
                f"{path} is not the one that {LOCK} names, so it is of another training. "
                "Next: uv run dvc checkout, or make pipeline"
            )


def _params(lock: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of all stages by their names in params.yaml, and what the search chose."""
    found: dict[str, Any] = {}
    for stage in lock.values():
        for section in stage.get("params", {}).values():
            found |= _flat(section)
    chosen = {f"best.{k}": v for k, v in _flat(training["candidates"][0]["values"]).items()}
    chosen |= {f"best.{k}": training[k] for k in ("iterations", "selected") if k in training}
    shown = {k: v for k, v in found.items() if k.split(".")[0] != SOURCE or k == f"{SOURCE}.kind"}
    return {_name(name): _text(value) for name, value in sorted({**shown, **chosen}.items())}


def _flat(data: Any, name: str = "") -> dict[str, Any]:
    """Nested mappings as one with dotted names."""
    if not isinstance(data, Mapping) or not data:
        return {name: data} if name else {}
    items = (_flat(value, f"{name}.{key}".lstrip(".")) for key, value in data.items())
    return {key: value for item in items for key, value in item.items()}


def _metrics(
    evaluation: Mapping[str, Any], training: Mapping[str, Any]
) -> Iterator[tuple[str, float]]:
    """Metrics of the holdout, the ends of their intervals, and the score of the search."""
    best = training["candidates"][0]
    found = dict(evaluation["metrics"])
    for name, ends in evaluation["intervals"].items():
        low, high = ends or (None, None)
        found |= {f"{name}.low": low, f"{name}.high": high}
    found |= {f"search.{training['scoring']}": best["score"], "search.spread": best["spread"]}
    for name, value in found.items():
        if value is not None:  # what these rows do not define
            yield _name(name), float(value)


def _tags(
    model: Bundle, lock: Mapping[str, Any], evaluation: Mapping[str, Any], commit: str
) -> dict[str, str]:
    verdict = _verdict(model)
    tags = {
        "bundle_id": model.id,
        "task": model.contract.task,
        "confidence": _text(evaluation["confidence"]),
        "commit": commit or _head(),
        "uncommitted": _uncommitted(),
        "gate": verdict.get("decision", ""),
        "gate.champion": verdict.get("champion") or "",
    }
    return {name: text for name, text in (tags | _data(lock)).items() if text}


def _data(lock: Mapping[str, Any]) -> dict[str, str]:
    """By path below data/, what its content was when a stage read or wrote it."""
    parts = (part for stage in lock.values() for k in ("deps", "outs") for part in stage.get(k, ()))
    data = {part["path"]: part.get("md5", "") for part in parts}
    return {f"md5 {path}": md5 for path, md5 in data.items() if KEY.fullmatch(path)}


def _head() -> str:
    return git.run(Path(), "rev-parse", "--verify", "--quiet", "HEAD").stdout.strip()


def _uncommitted() -> str:
    """'true' where files that git knows differ from HEAD; dvc.lock, which training writes, may."""
    call = ("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{LOCK}")
    return "true" if git.run(Path(), *call).stdout.strip() else ""


def _verdict(model: Bundle) -> dict[str, Any]:
    """What the gate said of this bundle; {} where it has not judged it."""
    verdict = files.read_json(paths.VERDICT) if paths.VERDICT.exists() else {}
    return verdict if verdict.get("challenger") == model.id else {}


def _files(model: Bundle) -> dict[str, tuple[Path, ...]]:
    reports = [*REPORTS, *([paths.VERDICT] if _verdict(model) else [])]
    if paths.REPORT.exists() and model.id in paths.REPORT.read_text(encoding="utf-8"):
        reports.append(paths.REPORT)
    folders = {"bundle": paths.BUNDLE, "plots": paths.PLOTS}
    found = {name: tuple(sorted(folder.glob("*.*"))) for name, folder in folders.items()}
    return {**found, "reports": tuple(reports)}


def _name(text: str) -> str:
    """A name that a tracker takes; it may keep names as files, so no slashes."""
    return NAME.sub("_", text)[:LONGEST_NAME]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"

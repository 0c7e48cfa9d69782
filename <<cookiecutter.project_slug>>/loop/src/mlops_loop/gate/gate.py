"""The gate: may this challenger replace the champion? `gate.yaml` declares, this decides.

Both are scored by the same code, in the same run, on the same held-out rows, none of which
either has seen in training. Exit codes: 0 PROMOTE, 1 REJECT, 2 HOLD.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlops_loop import files, git, params, paths
from mlops_loop.errors import DataRefused, NoValidBundle, StoreUnreachable, UsageError
from mlops_loop.gate.checks import CHECKS, ROW, Check, Comparison, Status, Unscorable
from mlops_loop.gate.policy import Policy
from mlops_loop.model import bundle
from mlops_loop.pipeline import derive, split
from mlops_loop.registry import champion, ledger
from mlops_loop.statistics import metrics
from mlops_loop.statistics.bootstrap import Contender


@dataclass(frozen=True)
class Verdict:
    """The decision on the bundle with id `challenger`, and what led to it, the worst first."""

    decision: Literal["PROMOTE", "REJECT", "HOLD"]
    summary: str
    challenger: str
    champion: str | None
    checks: tuple[Check, ...]
    rows_needed: int | None
    overridden: bool

    @property
    def exit_code(self) -> int:
        return {"PROMOTE": 0, "REJECT": 1, "HOLD": 2}[self.decision]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a number that does not exist is None."""
        return files.tidy(asdict(self), digits=None)

    def to_text(self) -> str:
        """A table for a terminal; slices without a finding are only counted."""
        quiet = [c for c in self.checks if "slice" in c.name and c.status in ("pass", "skip")]
        head = ROW.format("", "check", "estimate", "interval", "limit", "rows", "why")
        lines = [f"{self.decision}: {self.summary}", "", head]
        lines += [str(check) for check in self.checks if check not in quiet]
        lines += ["", f"{len(quiet)} checks of slices passed or were skipped."] if quiet else []
        return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def run(bundle_dir: Path, policy_path: Path, out_dir: Path, override: str | None = None) -> Verdict:
    """Judge a bundle on the holdout of the last `prepare`; write `gate.json` to `out_dir`.

    override: the reason of a person who turns HOLD into PROMOTE. Raises UsageError where a
    stage has not run yet or the policy is of the other task, NoValidBundle where there is no
    challenger, DataRefused where the holdout lacks a column of the policy.
    """
    rules, new = params.read_yaml(policy_path, Policy), bundle.load(bundle_dir)
    if new.contract.task != rules.task:
        raise UsageError(f"{policy_path}: task = {rules.task!r}: the model's is another.")
    rows = files.read_table(paths.HOLDOUT)
    challenger = score(new, rows, new.id)
    if new.manifest["data"]["holdout"] != bundle.sha256(paths.HOLDOUT):
        challenger = Unscorable(new.id, "fail", "was evaluated on other rows than these")
    elif seen := int(split.seen(rows, new.manifest["split"]).sum()):
        reason = f"has seen {seen:,} of {len(rows):,} holdout rows in training"
        challenger = Unscorable(new.id, "fail", reason)
    old, seen, facts = _champion(rows)
    measured = _measured(out_dir / "budgets.json", new.id)
    case = Comparison(challenger, old, seen, rows, rules, params.load().seed, measured)
    if override:
        override = f"{os.environ.get('GITHUB_ACTOR') or git.identity(Path())} ({override})"
    verdict = decide(case, override)
    files.write_json(verdict.to_dict(), out_dir / "gate.json", digits=None)
    (out_dir / "champion.json").unlink(missing_ok=True)
    if facts:
        facts["compared"] = _compared(case)
        files.write_json(facts, out_dir / "champion.json", digits=None)
    return verdict


def _measured(path: Path, bundle_id: str) -> dict[str, float]:
    """What `try` measured on the container of this bundle; {} for another's, or none."""
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found["measurements"] if found.get("bundle") == bundle_id else {}


def decide(case: Comparison, override: str | None = None) -> Verdict:
    """Ask every question of the policy. Pure: the same arguments give the same verdict."""
    new, old = case.challenger, case.champion
    names = new.name, old.name if old else None
    if isinstance(new, Unscorable):
        return conclude([Check("challenger", "fail", f"It {new.reason}")], *names)
    if isinstance(old, Contender) and old.id == new.id:
        told = "It is what production has: the model does not change."
        return Verdict("PROMOTE", told, *names, (Check("champion", "pass", told),), None, False)
    checks = []
    if old and (problem := _obstacle(new, old)):
        checks, case = [Check("champion", *problem)], replace(case, champion=None)
    checks += [check for ask in CHECKS for check in ask(case)]
    return conclude(checks, *names, override)


def conclude(
    checks: Iterable[Check], challenger: str, champion: str | None, override: str | None = None
) -> Verdict:
    """REJECT wins over HOLD, HOLD over PROMOTE; `override` (who and why) counts for HOLD only."""
    checks = tuple(sorted(checks, key=lambda c: ("fail", "hold", "pass", "skip").index(c.status)))
    against = [check for check in checks if check.status in ("fail", "hold")]
    decision = "PROMOTE"
    place = f"may replace {champion}" if champion else "may be the first model"
    summary = f"{challenger} {place}: every check passed."
    if against:
        first, more = against[0], f" And {len(against) - 1} more." if against[1:] else ""
        decision = "REJECT" if first.status == "fail" else "HOLD"
        summary = f"{first.name} {first.slice}".rstrip() + f": {first.message}{more}"
    overridden = decision == "HOLD" and bool(override)
    if overridden:
        decision, summary = "PROMOTE", f"HOLD overridden by {override}. {summary}"
    needed = max((check.rows_needed or 0 for check in checks), default=0) or None
    return Verdict(decision, summary, challenger, champion, checks, needed, overridden)


def _obstacle(new: Contender, old: Contender | Unscorable) -> tuple[Status, str] | None:
    """Why a comparison with the champion makes no sense, as status and message."""
    if isinstance(old, Unscorable):
        return old.status, f"{old.name} {old.reason}"
    was, now = (
        f"{c.task} of {c.target} ({c.target_unit or ', '.join(c.classes)})"
        for c in (old.contract, new.contract)
    )
    if was != now:
        return "hold", f"{old.name} answers another question: {was}, not {now}."
    if not np.array_equal(old.y, new.y):
        return "fail", f"{old.name} was scored on other rows than these; score it again."
    return None


def score(model: bundle.Bundle, rows: pd.DataFrame, name: str) -> Contender | Unscorable:
    """Scores of a bundle on every row, the same way for both; never raises for what it holds."""
    contract = model.contract
    if missing := [column for column in contract.names if column not in rows]:
        return Unscorable(name, "hold", f"needs columns that are not here: {', '.join(missing)}")
    try:
        y, matrix = derive.encode_target(rows, contract), contract.encode_table(rows)
    except (DataRefused, ValueError, TypeError) as error:
        return Unscorable(name, "hold", f"cannot take these rows: {error}")
    try:
        scores = np.asarray(model.predictor.scores(matrix))
    except Exception as error:  # whatever a damaged model raises is a reason, not a crash
        return Unscorable(name, "fail", f"is unreadable: {error}")
    if bad := int((~np.isfinite(scores)).sum()):
        return Unscorable(name, "fail", f"gives {bad:,} scores that are not finite numbers")
    return Contender(name, model.id, contract, y, scores)


def _compared(case: Comparison) -> dict[str, Any] | None:
    """Every metric of both on the rows that neither has seen; None where that makes no sense."""
    old, new, rows = case.champion, case.challenger, case.positions(gain=True)
    if not isinstance(old, Contender) or isinstance(new, Unscorable) or not len(rows):
        return None
    if old.id == new.id or _obstacle(new, old):
        return None
    pair = {"champion": old.take(rows), "challenger": new.take(rows)}
    found = {name: metrics.score_all(m.y, m.scores, m.contract) for name, m in pair.items()}
    return found | {"n_rows": len(rows)}


def _champion(
    rows: pd.DataFrame,
) -> tuple[Contender | Unscorable | None, np.ndarray, dict[str, Any] | None]:
    """What is in production, which rows it has seen, and what the report tells of it.

    All rows count as seen where its rule cannot tell.
    """
    seen = np.zeros(len(rows), dtype=bool)
    try:
        if (found := champion.fetch(Path())) is None:
            return None, seen, None
        version, model = found
        seen = split.seen(rows, model.manifest["split"])
    except (StoreUnreachable, NoValidBundle) as error:
        version = ledger.read(Path()).current().version
        return Unscorable(version, "fail", f"is unreadable: {error}"), seen, None
    except (KeyError, TypeError):
        seen = ~seen
    facts = {name: model.read_json(f"{name}.json") for name in ("contract", "reference")}
    facts |= {"version": version, "bundle": model.id, "rows": model.manifest.get("rows", {})}
    facts["commit"] = ledger.read(Path()).current().commit
    return score(model, rows, version), seen, facts

"""The gate: may this challenger replace the champion? `gate.yaml` declares, this decides.

Both are scored by the same code, in the same run, on the same held-out rows, none of which
either has seen in training. Exit codes: 0 PROMOTE, 1 REJECT, 2 HOLD.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlops_loop import files, git, params, paths, tasks
from mlops_loop.errors import NoValidBundle, StoreUnreachable, UsageError
from mlops_loop.gate.baselines import beats_baselines, keeps_names, tells_rows_apart
from mlops_loop.gate.checks import CHECKS, compared_with_champion
from mlops_loop.gate.comparison import Check, Comparison, Unscorable
from mlops_loop.gate.own_checks import own_checks
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.gate.scoring import read_baselines, score
from mlops_loop.model import bundle
from mlops_loop.pipeline import split
from mlops_loop.registry import champion, ledger
from mlops_loop.registry.entries import Entry
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.statistics.resampling import Resampling
from mlops_loop.tasks import metrics
from mlops_loop.text import listed

Decision = Literal["PROMOTE", "REJECT", "HOLD"]
DEFAULT = (beats_baselines, tells_rows_apart, keeps_names)  # what no policy has to ask for


@dataclass(frozen=True)
class Verdict:
    """The decision on the bundle with id `challenger`, and what led to it, the worst first.

    champion: the version that it was compared with, None for the first model. rows_needed: about
    how many rows would decide, None where enough did. overridden: a person made PROMOTE of HOLD.
    """

    decision: Decision
    summary: str
    challenger: str
    champion: str | None
    checks: tuple[Check, ...]
    rows_needed: int | None
    overridden: bool

    @property
    def resolve(self) -> str:
        """What makes possible a check that was held; empty where nothing is known."""
        held = (c.resolve for c in self.checks if c.status == "hold" and c.resolve)
        return next(held, "")

    @property
    def exit_code(self) -> int:
        """What the command exits with."""
        return {"PROMOTE": 0, "REJECT": 1, "HOLD": 2}[self.decision]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a number that does not exist is None."""
        return files.tidy(asdict(self), digits=None)


@dataclass(frozen=True)
class Production:
    """The champion on the rows of the holdout; `model` is None where nothing is in production.

    seen: (n_rows,) True for the rows that it may have learned from; all of them where its rule
    of the split cannot tell. facts: for the report, None where the champion cannot be read.
    """

    model: Contender | Unscorable | None
    seen: np.ndarray
    facts: dict[str, Any] | None = None


def run(bundle_dir: Path, policy_path: Path, out_dir: Path, override: str | None = None) -> Verdict:
    """Judge a bundle on the holdout of the last `prepare`; write `gate.json` to `out_dir`.

    override: the reason of a person who turns HOLD into PROMOTE. Raises UsageError where a
    stage has not run yet or the policy is of another task, NoValidBundle where there is no
    challenger or it has no baselines, DataRefused where the holdout lacks a column of the policy.
    """
    policy, new = params.read_yaml(policy_path, GatePolicy), bundle.load(bundle_dir)
    if new.contract.task != policy.task:
        raise UsageError(f"{policy_path}: task = {policy.task!r}: the model's is another.")
    rows = files.read_table(paths.HOLDOUT)
    challenger, old = _challenger(new, rows), _production(rows)
    known = read_baselines(new, len(rows)) if isinstance(challenger, Contender) else None
    settings, measured = params.load(), _measurements(out_dir, new.id)
    rule, models = Resampling.of(settings.evaluate, settings.seed), (challenger, old.model)
    comparison = Comparison(*models, old.seen, rows, policy, rule, measured, known)
    verdict = decide(comparison, _signed(override) if override else None)
    files.write_json(verdict.to_dict(), out_dir / paths.VERDICT.name, digits=None)
    _write_champion(out_dir / paths.CHAMPION_FACTS.name, old.facts, comparison)
    return verdict


def _signed(override: str) -> str:
    """Who overrides, and why."""
    return f"{os.environ.get('GITHUB_ACTOR') or git.identity(Path())} ({override})"


def _challenger(new: bundle.Bundle, rows: pd.DataFrame) -> Contender | Unscorable:
    if new.manifest["data"]["holdout"] != bundle.sha256(paths.HOLDOUT):
        return Unscorable(new.id, "fail", "was evaluated on other rows than these")
    if seen := int(split.seen(rows, new.manifest["split"]).sum()):
        reason = f"has seen {seen:,} of {len(rows):,} holdout rows in training"
        return Unscorable(new.id, "fail", reason)
    return score(new, rows, new.id)


def _measurements(out_dir: Path, bundle_id: str) -> dict[str, float]:
    """What `verify-image` measured on the container of this bundle; {} for another's, or none."""
    path = out_dir / paths.MEASUREMENTS.name
    facts = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return facts["measurements"] if facts.get("bundle") == bundle_id else {}


def _production(rows: pd.DataFrame) -> Production:
    """The champion on these rows; where it is unreadable, a model without scores says why."""
    none_seen = np.zeros(len(rows), dtype=bool)
    entries = ledger.read(Path())
    if (now := entries.current()) is None:
        return Production(None, none_seen)
    try:
        version = entries.find(now.version)
        model = champion.fetch_version(Path(), version, paths.CHAMPION)
    except (StoreUnreachable, NoValidBundle) as error:
        reason = f"is unreadable: {error}"
        return Production(Unscorable(now.version, "fail", reason), none_seen)
    try:
        seen = split.seen(rows, model.manifest["split"])
    except (KeyError, TypeError):
        seen = ~none_seen
    scored = score(model, rows, now.version)
    if isinstance(scored, Unscorable) and scored.lacking:
        scored = replace(scored, resolve=_carry(scored))
    return Production(scored, seen, _facts(model, version))


def _carry(old: Unscorable) -> str:
    """How a champion with other columns can be scored on the same rows: by carrying them along."""
    try:
        known = pq.read_schema(paths.VALIDATED).names
    except (OSError, pa.ArrowException):
        known = []
    carry = f"add {listed(old.lacking)} to prepare.carry_columns"
    if made := [name for name in old.lacking if name not in known]:
        carry = f"let features.model_rows make {listed(made)} as before, and {carry}"
    return f"{carry} in params.yaml, then make pipeline gate: {old.name} is scored with it"


def _facts(model: bundle.Bundle, version: Entry) -> dict[str, Any]:
    facts = {name: model.read_json(f"{name}.json") for name in ("contract", "reference")}
    facts |= {"version": version.version, "bundle": model.id, "commit": version.commit}
    return facts | {"rows": model.manifest.get("rows", {})}


def _write_champion(path: Path, facts: dict[str, Any] | None, comparison: Comparison) -> None:
    """For the report; a file of an earlier run goes where there is no champion now."""
    path.unlink(missing_ok=True)
    if facts:
        facts = facts | {"compared": _compared(comparison)}
        files.write_json(facts, path, digits=None)


def _compared(comparison: Comparison) -> dict[str, Any] | None:
    """Every metric of both on the rows that neither has seen; None where that makes no sense.

    And of the `baselines` on the same rows, as `Baselines.measure` gives them.
    """
    old, new, rows = comparison.champion, comparison.challenger, comparison.positions(gain=True)
    if not isinstance(old, Contender) or isinstance(new, Unscorable) or not len(rows):
        return None
    if old.id == new.id or _incomparable(new, old):
        return None
    pair = {"champion": old.take(rows), "challenger": new.take(rows)}
    scores = {name: metrics.score_all(m.y, m.scores, m.contract) for name, m in pair.items()}
    known = comparison.baselines
    measured = known.take(rows).measure(pair["challenger"].y, new.contract) if known else {}
    return scores | {"n_rows": len(rows), "baselines": measured}


def decide(comparison: Comparison, override: str | None = None) -> Verdict:
    """Make every check of the policy. Pure: the same arguments give the same verdict."""
    new, old = comparison.challenger, comparison.champion
    names = new.name, old.name if old else None
    if isinstance(new, Unscorable):
        return conclude([Check("challenger", "fail", f"It {new.reason}")], *names)
    if isinstance(old, Contender) and old.id == new.id:
        same = "It is what production has: the model does not change."
        return Verdict("PROMOTE", same, *names, (Check("champion", "pass", same),), None, False)
    results, checks = [], [*CHECKS, *DEFAULT, own_checks]
    if old and (problem := _incomparable(new, old)):
        results, comparison = [problem], replace(comparison, champion=None)
        checks.remove(compared_with_champion)
    results += [result for check in checks for result in check(comparison)]
    return conclude(results, *names, override)


def _incomparable(new: Contender, old: Contender | Unscorable) -> Check | None:
    """Why a comparison with the champion makes no sense; None where it does."""
    if isinstance(old, Unscorable):
        why = f"{old.name} {old.reason}"
        return Check("champion", old.status, why, resolve=old.resolve)
    was, now = (
        f"{tasks.of(c).title(c)} ({tasks.of(c).describe_outcomes(c)})"
        for c in (old.contract, new.contract)
    )
    if was != now:
        return Check("champion", "hold", f"{old.name} answers another question: {was}, not {now}.")
    if not np.array_equal(old.y, new.y):
        message = f"{old.name} was scored on other rows than these; score it again."
        return Check("champion", "fail", message)
    return None


def conclude(
    checks: Iterable[Check], challenger: str, champion: str | None, override: str | None = None
) -> Verdict:
    """REJECT wins over HOLD, HOLD over PROMOTE; `override` (who and why) counts for HOLD only."""
    checks = tuple(sorted(checks, key=lambda c: ("fail", "hold", "pass", "skip").index(c.status)))
    against = [check for check in checks if check.status in ("fail", "hold")]
    decision, summary = _outcome(against, challenger, champion)
    overridden = decision == "HOLD" and bool(override)
    if overridden:
        decision, summary = "PROMOTE", f"HOLD overridden by {override}. {summary}"
    needed = max((check.rows_needed or 0 for check in checks), default=0) or None
    return Verdict(decision, summary, challenger, champion, checks, needed, overridden)


def _outcome(
    against: Sequence[Check], challenger: str, champion: str | None
) -> tuple[Decision, str]:
    """The decision and its summary, from the checks that did not pass, the worst first."""
    if not against:
        place = f"may replace {champion}" if champion else "may be the first model"
        return "PROMOTE", f"{challenger} {place}: every check passed."
    first, more = against[0], f" And {len(against) - 1} more." if against[1:] else ""
    summary = f"{first.name} {first.slice}".rstrip() + f": {first.message}{more}"
    return "REJECT" if first.status == "fail" else "HOLD", summary

"""The gate: may this challenger replace the champion? `gate.yaml` declares, this decides.

Both are scored by the same code, in the same run, on the same held-out rows. Rows that the
champion has seen in training are left out of the comparison for both; a row that the
challenger has seen is a refusal. Exit codes: 0 PROMOTE, 1 REJECT, 2 HOLD.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from .. import bundle
from ..errors import NoValidBundle, UsageError
from . import policy as policies
from .checks import CHECKS, Case, about_challenger
from .contenders import Contender, Holdout, Unusable, score
from .groups import GROUP_CHECKS
from .policy import Policy
from .verdict import Check, Override, Verdict, conclude


def decide(
    challenger: Contender | Unusable,
    champion: Contender | Unusable | None,
    holdout: Holdout,
    policy: Policy,
    seed: int = 0,
    measurements: Mapping[str, float] | None = None,
    override: Override | None = None,
) -> Verdict:
    """Ask every question of the policy. Pure: the same arguments give the same verdict.

    `measurements` are by the name of their budget. A challenger that was not scored on exactly
    these rows, or saw some of them, is refused before anything else is asked. The verdict is
    about one bundle: its `challenger` is the bundle's id.
    """
    names = challenger.name, champion.name if champion else None
    if isinstance(challenger, Unusable):
        problem = Check("challenger", "fail", f"It is {challenger.kind}: {challenger.reason}.")
        return conclude([problem], *names)
    case = Case(challenger, champion, holdout, policy, seed, measurements or {})
    checks = list(about_challenger(case))
    if not checks:
        checks = [check for ask in (*CHECKS, *GROUP_CHECKS) for check in ask(case)]
    unchanged = isinstance(champion, Contender) and champion.id == challenger.id
    verdict = conclude(checks, *names, override=override, unchanged=unchanged)
    return replace(verdict, challenger=challenger.id)


def run(
    bundle_dir: Path,
    champion_dir: Path | None,
    champion_name: str | None,
    holdout: pd.DataFrame,
    policy_path: Path,
    out_dir: Path,
    seed: int = 0,
    measurements: Mapping[str, float] | None = None,
    override: Override | None = None,
    challenger_name: str = "the challenger",
) -> Verdict:
    """Score both bundles on the holdout, decide, and write `gate.json` to `out_dir`.

    `challenger_name` and `champion_name` are for people.

    `holdout` has the columns of the model input, those that the policy slices by, `_target`
    (label or number), and the masks `_seen_by_challenger` and `_seen_by_champion`. Without a
    `champion_name` there is no champion yet; with one, a folder that is missing or damaged
    is a REJECT. Raises NoValidBundle for the challenger's bundle, UsageError for a policy of
    the other task, DataRefused for a holdout without a column that is needed.
    """
    policy = policies.load(policy_path)
    new = bundle.load(bundle_dir)
    if new.contract.task != policy.task:
        raise UsageError(f"{policy_path}: task = {policy.task!r}: the model's is another.")
    rows = Holdout.from_frame(holdout, policy.slice_columns)
    challenger = score(new, holdout, challenger_name)
    champion = _champion(champion_dir, champion_name, holdout)
    verdict = decide(challenger, champion, rows, policy, seed, measurements, override)
    out_dir.mkdir(parents=True, exist_ok=True)
    text = json.dumps(verdict.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    (out_dir / "gate.json").write_text(text + "\n", encoding="utf-8")
    return verdict


def _champion(
    folder: Path | None, name: str | None, frame: pd.DataFrame
) -> Contender | Unusable | None:
    if name is None and folder is None:
        return None
    name = name or "champion"
    if folder is None:
        return Unusable(name, "the registry names it, but its files are not here", "unreadable")
    try:
        return score(bundle.load(folder), frame, name)
    except NoValidBundle as error:
        return Unusable(name, str(error).rstrip("."), "unreadable")

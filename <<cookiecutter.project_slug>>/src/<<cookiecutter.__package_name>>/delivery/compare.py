"""The gate as a verb: challenger from `models/bundle`, champion from the registry.

Both are asked for the holdout of the last `prepare`. Which of its rows a model has learned
from follows from the split rule in its manifest (`pipeline/split.py`).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from .. import bundle as bundles
from .. import params
from ..errors import NoValidBundle, StoreUnreachable
from ..pipeline import files, prepare, split
from . import champion, contenders, gate, git
from .verdict import Override, Verdict


def run(bundle_dir: Path, policy_path: Path, out_dir: Path, override: str | None) -> Verdict:
    """Compare, decide, and write `gate.json` to `out_dir`.

    override: the reason of a person who turns HOLD into PROMOTE. Raises UsageError where a
    stage has not run yet, NoValidBundle where there is no challenger.
    """
    challenger = bundles.load(bundle_dir)
    holdout = files.read_table(prepare.FOLDER / "holdout.parquet")
    name, folder, rule = _find_champion(Path())
    masks = {
        contenders.SEEN_BY_CHALLENGER: split.seen(holdout, challenger.manifest["split"]),
        contenders.SEEN_BY_CHAMPION: _seen(holdout, rule),
    }
    return gate.run(
        bundle_dir,
        folder,
        name,
        holdout.assign(**masks),
        policy_path,
        out_dir,
        seed=params.load().seed,
        override=Override(_who(), override) if override else None,
    )


def _find_champion(repo: Path) -> tuple[str | None, Path | None, dict | None]:
    """Name, folder and split rule; no folder where the registry names one that is not here."""
    try:
        found = champion.fetch(repo)
    except (StoreUnreachable, NoValidBundle) as error:
        return f"the champion ({error})", None, None
    if found is None:
        return None, None, None
    version, model = found
    return version, model.folder, model.manifest["split"]


def _seen(holdout: pd.DataFrame, rule: dict | None) -> np.ndarray:
    """Rows that the champion has seen; all of them where its rule cannot be asked."""
    if rule is None:
        return np.zeros(len(holdout), dtype=bool)
    try:
        return split.seen(holdout, rule)
    except (KeyError, TypeError):
        return np.ones(len(holdout), dtype=bool)


def _who() -> str:
    return os.environ.get("GITHUB_ACTOR") or git.identity(Path())

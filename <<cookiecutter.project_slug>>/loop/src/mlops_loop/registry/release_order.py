"""Which release may replace what is in production: a newer one, judged against that very model.

Releases train, are judged and wait for approval beside each other, so production may have changed
since the gate looked at it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_loop import git, paths
from mlops_loop.errors import UsageError
from mlops_loop.registry.entries import Entry


def is_superseded(repo: Path, commit: str, now: Entry | None) -> bool:
    """Whether production was built from a later commit of main than `commit`.

    False where either is unknown. Raises UsageError for a shallow clone.
    """
    return now is not None and git.is_before(repo, commit, now.note.get("commit"))


def read_verdict(repo: Path) -> dict[str, Any]:
    """The verdict that the gate wrote last; {} where there is none that can be read."""
    try:
        verdict = json.loads((repo / paths.VERDICT).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return verdict if isinstance(verdict, dict) else {}


def check_champion(verdict: Mapping[str, Any], version: str | None, now: Entry | None) -> None:
    """Raise UsageError unless the verdict compared with what is in production now.

    `version` is that of the challenger, None while it has none: what is in production already may
    stay. A hold is the business of the assignment, whatever the verdict says.
    """
    if now and (now.held or now.version == version):
        return
    compared, champion = verdict.get("champion"), now and now.version
    if compared != champion:
        raise UsageError(
            f"The gate compared {verdict.get('challenger')} with {compared or 'no champion'}, and "
            f"{champion or 'nothing'} is in production now. Next: {_all_again('loop gate')}"
        )


def check_expected(expected: str, version: str) -> None:
    """Raise UsageError where a model gets another version than the one its image was built with."""
    if expected and expected != version:
        raise UsageError(
            f"The image was built as {expected}, and the model is {version}: another release was "
            f"faster. Next: {_all_again()}"
        )


def _all_again(on_a_laptop: str = "make image") -> str:
    """In a workflow all its jobs: those that failed alone would read what the others left."""
    run = os.environ.get("GITHUB_RUN_ID")
    return f'gh run rerun {run} (on its page: "Re-run all jobs")' if run else on_a_laptop

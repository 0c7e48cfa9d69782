"""The issue about a rollback: who, why, from where to where, and how to lift the hold."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.markdown import escape, table
from mlops_loop.registry import ledger
from mlops_loop.registry.entries import Ledger

LABEL = "incident"


@dataclass(frozen=True)
class Rollback:
    """A rollback and how it ended.

    outcome: of its job, as GitHub calls it ("success", "failure", "cancelled", "skipped"). to and
    instead_of: versions, empty where the job did not get so far. why: the reason that was given.
    """

    outcome: str
    to: str
    instead_of: str
    why: str

    @property
    def succeeded(self) -> bool:
        return self.outcome == "success"


def report(repo: Path, rollback: Rollback, repository: Repository | None = None) -> str:
    """Open the issue of this workflow's run, or add what is new to it; its address.

    Raises GitHubRefused, and StoreUnreachable where origin cannot be read.
    """
    repository, env = repository or Repository(), os.environ
    text = describe(rollback, env.get("GITHUB_ACTOR", "unknown"), ledger.fetch(repo))
    problem = f"rollback-{env.get('GITHUB_RUN_ID') or 'laptop'}"
    failed = "A rollback did not succeed"
    title = f"Rollback to {rollback.to}" if rollback.succeeded else failed
    return issues.open_or_update(repository, LABEL, problem, title, text)["html_url"]


def describe(rollback: Rollback, who: str, entries: Ledger) -> str:
    """The issue in Markdown."""
    ended = "was rolled back" if rollback.succeeded else f"was not rolled back ({rollback.outcome})"
    rows = [("who", who), ("why", rollback.why)]
    rows += [("from", rollback.instead_of or "?"), ("to", rollback.to or "?")]
    parts = [f"Production {escape(ended)}: {issues.this_run()}", table(["", ""], rows)]
    parts.append(f"By the ledger, {escape(entries.describe())}.")
    if not rollback.succeeded:
        parts.append(
            "Next: read the run's log; the same command again changes nothing that is done: "
            "`loop rollback VERSION --why REASON`"
        )
    if (current := entries.current()) and current.held:
        lift = f"loop registry assign {current.version} --lift-hold --why REASON --push"
        parts.append(f"No release passes until a person lifts the hold: `{lift}`")
    return "\n\n".join([*parts, "Close this issue when its cause is gone."])

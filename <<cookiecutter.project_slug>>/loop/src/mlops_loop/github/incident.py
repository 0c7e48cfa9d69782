"""The issue about a rollback: who, why, from where to where, and how to lift the hold."""

from __future__ import annotations

import os
from pathlib import Path

from mlops_loop.deployment.deploy import line
from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.markdown import escape, table
from mlops_loop.registry import ledger as registry

LABEL = "incident"


def run(
    repo: Path, outcome: str, to: str, instead_of: str, why: str,
    repository: Repository | None = None,
) -> str:  # fmt: skip
    """Open the issue of this workflow's run, or add to it what is new; say where it is.

    outcome: how the job ended, as GitHub calls it. Raises GitHubRefused.
    """
    repository, env = repository or Repository(), os.environ
    now = registry.fetch(repo).current()
    text = describe(outcome, to, instead_of, why, env.get("GITHUB_ACTOR", "unknown"), now)
    problem = f"rollback-{env.get('GITHUB_RUN_ID') or 'laptop'}"
    title = f"Rollback to {to}" if outcome == "success" else "A rollback did not succeed"
    return f"RepositoryState in {issues.keep(repository, LABEL, problem, title, text)['html_url']}"


def describe(
    outcome: str, to: str, instead_of: str, why: str, who: str, now: registry.Entry | None
) -> str:
    """The issue in Markdown; `now` is what the ledger has in production."""
    ended = "was rolled back" if outcome == "success" else f"was not rolled back ({outcome})"
    rows = [("who", who), ("why", why), ("from", instead_of or "?"), ("to", to or "?")]
    parts = [f"Production {escape(ended)}: {issues.this_run()}", table(["", ""], rows)]
    parts += [f"By the ledger, {escape(line(now))}."]
    if outcome != "success":
        parts += [
            "Next: read the run's log; the same command again changes nothing that is done: "
            "`loop rollback VERSION --why REASON`"
        ]
    if now and now.note.get("hold"):
        lift = f"loop registry assign {now.version} --lift-hold --why REASON --push"
        parts += [f"No release passes until a person lifts the hold: `{lift}`"]
    return "\n\n".join([*parts, "Close this issue when its cause is gone."])

"""Set what doctor found missing: shown first, each thing on its own, nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mlops_loop.errors import GitHubRefused
from mlops_loop.repository.checks import Call
from mlops_loop.repository.doctor import MISSING, OPTIONAL, Finding
from mlops_loop.repository.github_state import RepositoryState

Step = tuple[str, list[Call]]  # the name of the settings that these calls set


def plan(told: RepositoryState, findings: Iterable[Finding]) -> list[Step]:
    """What would be done, in order; settings that the same calls set are one step."""
    steps: dict[str, tuple[list[str], list[Call]]] = {}
    for each in findings:
        wanted = each.state in (MISSING, OPTIONAL) and each.check.calls
        if wanted and (calls := wanted(told)):
            steps.setdefault(json.dumps(calls), ([], calls))[0].append(each.check.name)
    return [("; ".join(names), calls) for names, calls in steps.values()]


def render(steps: Iterable[Step]) -> str:
    """What would be sent, whole."""
    lines = []
    for name, calls in steps:
        lines.append(name)
        lines += [f"    {call} {json.dumps(sent)}" for call, sent in calls]
    return "\n".join(lines)


def carry_out(told: RepositoryState, steps: Iterable[Step]) -> tuple[list[str], list[str]]:
    """Do the steps; what was set, and what was not, with GitHub's reason.

    A refusal of one does not stop the others, but a limit or an outage does: they would only meet
    it again.
    """
    done: list[str] = []
    left: list[str] = []
    stopped = False
    for name, calls in steps:
        if stopped:
            left.append(f"{name}: not tried after that")
            continue
        try:
            for call, sent in calls:
                told.repository.ask(call, **sent)
            done.append(name)
        except GitHubRefused as error:
            left.append(f"{name}: {error}")
            stopped = error.status in (None, 429) or error.status >= 500
    return done, left

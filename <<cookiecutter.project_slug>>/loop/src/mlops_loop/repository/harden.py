"""Set what doctor found missing: shown first, each setting on its own, nothing twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mlops_loop.errors import GitHubRefused
from mlops_loop.repository.check import Call
from mlops_loop.repository.doctor import MISSING, OPTIONAL, Finding
from mlops_loop.repository.github_state import RepositoryState


@dataclass
class Step:
    """The settings that the same requests set."""

    names: list[str]
    calls: list[Call]

    @property
    def name(self) -> str:
        """All names, for a message."""
        return "; ".join(self.names)

    def __str__(self) -> str:
        return "\n".join([self.name, *(f"    {call}" for call in self.calls)])


@dataclass
class Outcome:
    """Names of the settings that were set, and of those that were not, each with its reason."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def plan(state: RepositoryState, findings: Iterable[Finding]) -> list[Step]:
    """What would be sent, in order; settings that the same requests set are one step."""
    steps: dict[str, Step] = {}
    for finding in findings:
        if finding.state not in (MISSING, OPTIONAL) or not finding.check.calls:
            continue
        if calls := finding.check.calls(state):
            step = steps.setdefault("\n".join(map(str, calls)), Step([], calls))
            step.names.append(finding.check.name)
    return list(steps.values())


def carry_out(state: RepositoryState, steps: Iterable[Step]) -> Outcome:
    """Carry out the steps.

    A refusal of one does not stop the others, but a limit or an outage does: all others would meet
    it too.
    """
    outcome, is_stopped = Outcome(), False
    for step in steps:
        if is_stopped:
            outcome.failed.append(f"{step.name}: not tried after that")
        elif error := _set(state, step):
            outcome.failed.append(f"{step.name}: {error}")
            is_stopped = error.status in (None, 429) or error.status >= 500
        else:
            outcome.done.append(step.name)
    return outcome


def _set(state: RepositoryState, step: Step) -> GitHubRefused | None:
    try:
        for call in step.calls:
            state.repository.call(call.method, **call.arguments)
    except GitHubRefused as error:
        return error
    return None

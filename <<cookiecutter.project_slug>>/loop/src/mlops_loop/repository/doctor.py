"""What the repository on GitHub has and lacks, what each absence costs, and how to set it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlops_loop.errors import GitHubRefused, NotOnPlan
from mlops_loop.repository.check import Check
from mlops_loop.repository.checks import CHECKS
from mlops_loop.repository.github_state import PLAN_REASON, RepositoryState, Unreadable

RIGHT, MISSING, OPTIONAL = "right", "missing", "optional"
NOT_ON_PLAN, UNSEEN = "not on plan", "unseen"
PLAN = (
    "A private repository on the free plan has no attestations, required reviewers, rules and "
    "branch protection, Pages or code scanning. The workflows leave these out; nothing is wrong."
)


@dataclass(frozen=True)
class Finding:
    """A check and its state; `reason` says why the state is not RIGHT.

    MISSING and OPTIONAL: a setting is wrong, and the loop depends on it or not. NOT_ON_PLAN: GitHub
    does not sell it here. UNSEEN: this login may not see it. command: what helps, where that of
    the check does not.
    """

    check: Check
    state: str
    reason: str = ""
    command: str = ""


def diagnose(state: RepositoryState, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """Look at every setting, changing nothing.

    Raises GitHubRefused for what is no answer about a setting: GitHub is down, a limit is reached.
    """
    return [_diagnose(check, state) for check in checks]


def _diagnose(check: Check, state: RepositoryState) -> Finding:
    if check.admin and not state.is_admin:
        return Finding(check, UNSEEN, "only an administrator may see it")
    try:
        missing = check.inspect(state)
    except NotOnPlan:
        return Finding(check, NOT_ON_PLAN, PLAN_REASON)
    except GitHubRefused as error:
        if not isinstance(error, Unreadable) and error.status not in (403, 404, 422):
            raise
        return Finding(check, UNSEEN, str(error))
    if missing is None:
        return Finding(check, RIGHT)
    is_required = check.required and not missing.is_optional
    return Finding(check, MISSING if is_required else OPTIONAL, missing.reason, missing.command)


def exit_code(findings: Iterable[Finding]) -> int:
    """1 where a required setting is missing, 9 where this login may not see one, else 0."""
    required = [finding for finding in findings if finding.check.required]
    if any(finding.state == MISSING for finding in required):
        return 1
    return 9 if any(f.state == UNSEEN and not f.check.for_owners for f in required) else 0


def head(state: RepositoryState) -> str:
    """The repository, the role of this login, and what its plan lacks."""
    kind = "private" if state.is_private else "public"
    text = f"{state.repository.name} on GitHub: {kind}; your role is {state.role}."
    return f"{text} {PLAN}" if state.on_free_plan else text


def render(state: RepositoryState, findings: Iterable[Finding]) -> str:
    """A line for each setting; for a missing one also what its absence costs and what to do."""
    return "\n".join([head(state), *(line for f in findings for line in _lines(f, state))])


def _lines(finding: Finding, state: RepositoryState) -> list[str]:
    reason = f": {finding.reason}" if finding.reason else ""
    line = f"{finding.state:12}{finding.check.name}{reason}"
    if finding.state not in (MISSING, OPTIONAL):
        return [line]
    indent = " " * 12
    loss, command = f"without it: {finding.check.loss}", f"next: {_next(finding, state)}"
    return [line, f"{indent}{loss}", f"{indent}{command}"]


def _next(finding: Finding, state: RepositoryState) -> str:
    if finding.command:
        return finding.command
    page = f"{state.about['html_url']}/{finding.check.page}"
    command = "loop harden" if finding.check.calls else finding.check.command
    return f"{command}, or {page}" if command else page


def as_dict(state: RepositoryState, findings: Iterable[Finding]) -> dict[str, Any]:
    """The same as `render`, for machines."""
    about = {
        "repository": state.repository.name,
        "private": state.is_private,
        "role": state.role,
    }
    return about | {"settings": [_row(finding, state) for finding in findings]}


def _row(finding: Finding, state: RepositoryState) -> dict[str, Any]:
    return {
        "setting": finding.check.name,
        "state": finding.state,
        "reason": finding.reason,
        "required": finding.check.required,
        "without": finding.check.loss,
        "next": _next(finding, state),
    }

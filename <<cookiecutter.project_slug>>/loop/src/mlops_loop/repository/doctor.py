"""What the repository on GitHub has and lacks, what each absence costs, and how to set it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository
from mlops_loop.repository.checks import CHECKS, NOT_SOLD, Check
from mlops_loop.repository.github_state import UPGRADE, RepositoryState

RIGHT, MISSING, OPTIONAL = "right", "missing", "optional"
NOT_ON_PLAN, UNSEEN = "not on plan", "unseen"
PLAN = (
    "A private repository on the free plan has no attestations, required reviewers, rules and "
    "branch protection, Pages or code scanning. The workflows leave these out; nothing is wrong."
)


@dataclass(frozen=True)
class Finding:
    """A check, its state, and what was found where that is not RIGHT."""

    check: Check
    state: str
    found: str = ""


def diagnose(told: RepositoryState, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """Look at every setting, changing nothing.

    Raises GitHubRefused for what is no answer about a setting: GitHub is down, a limit is reached.
    """
    return [_find(check, told) for check in checks]


def _find(check: Check, told: RepositoryState) -> Finding:
    if check.admin and not told.admin:
        return Finding(check, UNSEEN, "only an administrator may see it")
    try:
        found = check.wrong(told)
    except GitHubRefused as error:
        if error.status not in (403, 404, 422):
            raise
        if UPGRADE.search(str(error)):
            return Finding(check, NOT_ON_PLAN, NOT_SOLD.partition(": ")[2])
        return Finding(check, UNSEEN, str(error))
    wrong = MISSING if check.matters else OPTIONAL
    return Finding(check, wrong if found else RIGHT, found)


def exit_code(findings: Iterable[Finding]) -> int:
    """1 where something that matters is missing, 9 where this login cannot tell, else 0."""
    states = {each.state for each in findings if each.check.matters}
    return 1 if MISSING in states else 9 if UNSEEN in states else 0


def head(told: RepositoryState) -> str:
    """Whose repository this is, who asks, and what its plan lacks."""
    kind = "private" if told.private else "public"
    name = f"{told.repository.name} on GitHub: {kind}"
    return f"{name}; your role is {told.role}.{f' {PLAN}' if told.free else ''}"


def render(told: RepositoryState, findings: Iterable[Finding]) -> str:
    """A line for what is right; for all else also what it costs and what to do."""
    lines = [head(told)]
    for each in findings:
        lines.append(f"{each.state:12}{each.check.name}{f': {each.found}' * bool(each.found)}")
        if each.state in (MISSING, OPTIONAL):
            lines += [f"{'':12}without it: {each.check.loss}", f"{'':12}next: {_next(each, told)}"]
    return "\n".join(lines)


def _next(finding: Finding, told: RepositoryState) -> str:
    page = f"{told.about['html_url']}/{finding.check.page}"
    command = "loop harden" if finding.check.calls else finding.check.command
    return f"{command}, or {page}" if command else page


def to_json(told: RepositoryState, findings: Iterable[Finding]) -> dict[str, Any]:
    """The same for machines."""
    rows = [
        {"setting": each.check.name, "state": each.state, "found": each.found}
        | {"matters": each.check.matters, "without": each.check.loss, "next": _next(each, told)}
        for each in findings
    ]
    about = {"repository": told.repository.name, "private": told.private, "role": told.role}
    return about | {"settings": rows}


def examine() -> tuple[RepositoryState, list[Finding]]:
    """Ask GitHub as whoever is logged in."""
    told = RepositoryState(Repository())
    return told, diagnose(told)

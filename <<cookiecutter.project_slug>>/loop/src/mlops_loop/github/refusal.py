"""A refusal of GitHub as an error of ours: what was asked, what GitHub said, what would help."""

from __future__ import annotations

import re

from githubkit import Response
from githubkit.exception import GitHubException, RequestFailed

from mlops_loop.errors import GitHubRefused, NotOnPlan
from mlops_loop.github.retry import PASSING, message

UPGRADE = re.compile(r"[Uu]pgrade|billing plan|[Cc]urrent plan")


def refusal(asked: str, error: GitHubException, wait_s: float | None) -> GitHubRefused:
    """The error to raise; the token is never part of it.

    asked: the address and the operation. wait_s: after how long the same may pass, None for never.
    Gives NotOnPlan where GitHub's text says that the plan of the account lacks the feature, and
    the status 429 for every limit, also where GitHub answers it with 403.
    """
    if not isinstance(error, RequestFailed):
        reason = str(getattr(error, "exc", error)) or type(error).__name__
        return GitHubRefused(
            f"{asked}, does not answer: {reason}. It may have done it all the same. "
            "Next: the same command again, which looks first"
        )
    answer = error.response
    status, said = answer.status_code, message(answer)
    text = f"{asked}, answers {status}: {said}. Next: {_remedy(answer, wait_s)}"
    if status in (403, 404, 422) and UPGRADE.search(said):
        return NotOnPlan(text, status)
    is_limit = wait_s is not None and status == 403
    return GitHubRefused(text, 429 if is_limit else status)


def _remedy(answer: Response, wait_s: float | None) -> str:
    status = answer.status_code
    if wait_s is not None:
        return f"the same command again, in {wait_s:.0f} s or later"
    if status == 401:
        return "a token that is valid: gh auth login, or GITHUB_TOKEN: ${{ github.token }}"
    if status in (403, 404) and (scopes := _lacking_scopes(answer)):
        return f"gh auth refresh --scopes {scopes}"
    if status in (403, 404):
        return _grant(answer.headers.get("X-Accepted-GitHub-Permissions", ""))
    if status in PASSING:
        return "the same command again, which looks first what was done"
    return "look at what GitHub says; if this command is wrong there, please report it"


def _lacking_scopes(answer: Response) -> str:
    """The scopes of which the login of a person needs one and has none; empty for other logins."""
    accepted, given = (
        {scope.strip() for scope in answer.headers.get(name, "").split(",")} - {""}
        for name in ("X-Accepted-OAuth-Scopes", "X-OAuth-Scopes")
    )
    return "" if not given or accepted & given else ",".join(sorted(accepted))


def _grant(needed: str) -> str:
    if not needed:
        return "look whether it exists, and whether this token may see and change it"
    grants = needed.replace("_", "-").replace("=", ": ").replace(";", ", or")
    return f"give this token {grants} (in a workflow: under `permissions:` of the job)"

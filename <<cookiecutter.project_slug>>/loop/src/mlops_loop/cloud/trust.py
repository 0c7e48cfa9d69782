"""Whom a cloud may trust: the subjects that GitHub writes into the tokens of a repository's jobs.

A subject begins with the names and the ids of owner and repository. Names can be taken over, ids
cannot: a policy for a subject without ids would trust whoever gets the name next, so none is made.
https://docs.github.com/actions/reference/security/oidc#immutable-subject-claims
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops_loop.errors import UsageError
from mlops_loop.github.api import Repository

ISSUER = "https://token.actions.githubusercontent.com"
MAIN = "ref:refs/heads/main"
QUEUE = "ref:refs/heads/gh-readonly-queue/main/"  # of a merge queue, followed by the pull request


@dataclass(frozen=True)
class Trust:
    """A repository whose jobs are trusted. issuer: who signs their tokens, as an address."""

    repository: str
    owner_id: int
    repository_id: int
    issuer: str = ISSUER

    @property
    def prefix(self) -> str:
        """How the subject of each of its jobs begins."""
        owner, name = self.repository.split("/")
        return f"repo:{owner}@{self.owner_id}/{name}@{self.repository_id}"

    def subjects(self, role: str) -> list[str]:
        """Those of a role, `reader` or `writer`: jobs of no environment."""
        readers = [f"{self.prefix}:pull_request"] if role == "reader" else []
        return [f"{self.prefix}:{MAIN}", *readers]

    def queue(self) -> str:
        """How the subjects of the merge queue begin, which reads as a pull request does."""
        return f"{self.prefix}:{QUEUE}"


def read(repository: Repository, issuer: str = ISSUER) -> Trust:
    """The ids, from GitHub's API.

    Raises GitHubRefused, and UsageError where subjects have no ids or another form.
    """
    rest = repository.rest
    about = repository.call(rest.repos.get)
    trust = Trust(about["full_name"], about["owner"]["id"], about["id"], _checked(issuer))
    form = repository.call(rest.actions.get_custom_oidc_sub_claim_for_repo)
    if not form["use_default"] or form.get("sub_claim_prefix") != trust.prefix:
        raise UsageError(
            f"The subjects of {trust.repository} begin with {form.get('sub_claim_prefix')!r}, or "
            f"with claims of their own; a policy needs {trust.prefix!r}, because a name can be "
            f"taken over. Next: gh api --method PUT "
            f"repos/{trust.repository}/actions/oidc/customization/sub "
            "-F use_default=true -F use_immutable_subject=true"
        )
    return trust


def _checked(issuer: str) -> str:
    if re.fullmatch(r"https?://[\w.:/-]+[\w-]", issuer):
        return issuer
    raise UsageError(f"--issuer={issuer} is no address, such as {ISSUER}")

"""What GitHub tells of a repository, each thing asked once."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from mlops_loop.errors import GitHubRefused
from mlops_loop.github.api import Repository
from mlops_loop.repository import rulesets as rules

UPGRADE = re.compile(r"[Uu]pgrade|billing plan|[Cc]urrent plan")


class RepositoryState:
    """What GitHub tells of a repository; each thing is asked once."""

    def __init__(self, repository: Repository):
        self.repository = repository
        self.about: dict[str, Any] = repository.ask("repos.get")
        rights = self.about.get("permissions") or {}
        self.admin, self.private = bool(rights.get("admin")), bool(self.about["private"])
        ranks = ("admin", "maintain", "push", "triage", "pull")
        self.role = next((rank for rank in ranks if rights.get(rank)), "none")
        self._known: dict[str, Any] = {}

    def ask(self, operation: str, **arguments: Any) -> Any:
        """The answer, {} for an empty one, None where GitHub has nothing there."""
        key = f"{operation} {sorted(arguments.items())}"
        if key not in self._known:
            try:
                self._known[key] = self.repository.ask(operation, **arguments) or {}
            except GitHubRefused as error:
                if error.status != 404:
                    raise
                self._known[key] = None
        return self._known[key]

    def all(self, operation: str, **arguments: Any) -> list[dict[str, Any]]:
        """The items of a list."""
        key = f"{operation} {sorted(arguments.items())}"
        if key not in self._known:
            self._known[key] = list(self.repository.all(operation, **arguments))
        return self._known[key]

    @cached_property
    def free(self) -> bool:
        """Whether the plan lacks rules, and with them what else is sold to private repositories."""
        try:
            self.private and self.rulesets("branch")
        except GitHubRefused as error:
            if error.status == 403 and UPGRADE.search(str(error)):
                return True
            raise
        return False

    def rulesets(self, target: str) -> list[dict[str, Any]]:
        """The rulesets for branches or tags, with their rules."""
        found = self.all("repos.get_repo_rulesets", targets=target)
        same = [each["id"] for each in found if each.get("target", target) == target]
        return [self.ask("repos.get_repo_ruleset", ruleset_id=number) or {} for number in same]

    @cached_property
    def main(self) -> tuple[list[rules.Rule], dict[str, Any] | None]:
        """The rules that hold for main, and its classic protection, which administrators see."""
        branch = {"branch": self.about["default_branch"]}
        found = self.all("repos.get_branch_rules", **branch)
        if rules.checked(found, None) and rules.lasting(found, None):
            return found, None
        if not self.admin:
            raise GitHubRefused("Only an administrator sees the classic protection of main", 403)
        return found, self.ask("repos.get_branch_protection", **branch)

    def names(self, kind: str) -> set[str]:
        """Names of the variables or secrets that workflows are given here, the owner's too."""
        lists = (f"actions.list_repo_{kind}", f"actions.list_repo_organization_{kind}")
        return {each["name"] for call in lists for each in self.all(call)}

    @cached_property
    def policy(self) -> dict[str, Any]:
        """Which actions may run: Settings > Actions > General."""
        return self.ask("actions.get_github_actions_permissions_repository") or {}

    @cached_property
    def allowed(self) -> dict[str, Any]:
        """What is allowed where only selected actions are."""
        if self.policy.get("allowed_actions") != "selected":
            return {}
        return self.ask("actions.get_allowed_actions_repository") or {}

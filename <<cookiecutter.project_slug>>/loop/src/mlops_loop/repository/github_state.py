"""The repository as GitHub describes it; each thing is asked once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mlops_loop.errors import GitHubRefused, NotOnPlan
from mlops_loop.github.api import Method, Repository, operation
from mlops_loop.repository.rulesets import Rule, is_protected, requires_ci

ROLES = ("admin", "maintain", "push", "triage", "pull")
PLAN_REASON = "GitHub does not sell it for private repositories on this plan"
ONLY_OWNERS = (
    "this repository has no such secret of Dependabot, and only owners see those of the "
    "organization. Next: gh auth refresh --scopes admin:org, or ask an owner"
)


class Unreadable(GitHubRefused):
    """This login, or any, cannot read a setting."""


class RepositoryState:
    """What GitHub says about a repository; each thing is asked once."""

    def __init__(self, repository: Repository):
        self.repository, self.rest = repository, repository.rest
        self.about = repository.call(self.rest.repos.get)
        rights: Mapping[str, Any] = self.about.get("permissions") or {}
        self.is_admin, self.is_private = bool(rights.get("admin")), bool(self.about["private"])
        self.full_name, self.owner = str(self.about["full_name"]), str(self.about["owner"]["login"])
        self.in_organization = self.about["owner"]["type"] == "Organization"
        self.server = self.about["html_url"].removesuffix(f"/{self.full_name}")
        self.role = next((role for role in ROLES if rights.get(role)), "none")
        self._known: dict[str, Any] = {}

    def call(self, method: Method[Any], /, **arguments: Any) -> Any:
        """The answer, {} for an empty one, None where GitHub has nothing there."""
        key = f"{operation(method)} {sorted(arguments.items())}"
        if key not in self._known:
            try:
                self._known[key] = self.repository.call(method, **arguments) or {}
            except GitHubRefused as error:
                if error.status != 404:
                    raise
                self._known[key] = None
        return self._known[key]

    def list_all(self, method: Method[Any], /, **arguments: Any) -> list[dict[str, Any]]:
        """The items of a list."""
        key = f"{operation(method)} {sorted(arguments.items())}"
        if key not in self._known:
            self._known[key] = list(self.repository.list_all(method, **arguments))
        return self._known[key]

    @cached_property
    def on_free_plan(self) -> bool:
        """Whether the plan lacks rules, and with them all that is sold for private repositories."""
        if not self.is_private:
            return False
        try:
            self.list_rulesets("branch")
        except NotOnPlan:
            return True
        return False

    def list_rulesets(self, target: str) -> list[dict[str, Any]]:
        """The rulesets for branches or tags, with their rules."""
        rows = self.list_all(self.rest.repos.get_repo_rulesets, targets=target)
        numbers = [row["id"] for row in rows if row.get("target", target) == target]
        method = self.rest.repos.get_repo_ruleset
        return [self.call(method, ruleset_id=number) or {} for number in numbers]

    @cached_property
    def main_protection(self) -> tuple[list[Rule], dict[str, Any] | None]:
        """The rules for main, and its classic branch protection (None: not set, or not needed).

        Raises Unreadable where the rules do not suffice, and only the classic protection,
        which others cannot see, could.
        """
        branch = {"branch": self.about["default_branch"]}
        rules = self.list_all(self.rest.repos.get_branch_rules, **branch)
        if requires_ci(rules, None) and is_protected(rules, None):
            return rules, None
        if not self.is_admin:
            raise Unreadable("Only an administrator sees the classic protection of main")
        return rules, self.call(self.rest.repos.get_branch_protection, **branch)

    @cached_property
    def production(self) -> dict[str, Any]:
        """The environment production; {} where there is none. Raises NotOnPlan."""
        if self.on_free_plan:
            raise NotOnPlan(PLAN_REASON)
        method = self.rest.repos.get_environment
        return self.call(method, environment_name="production") or {}

    @cached_property
    def variables(self) -> dict[str, str]:
        """The variables that workflows get here; the repository's precede the organization's."""
        actions = self.rest.actions
        rows = self.list_all(actions.list_repo_organization_variables)
        rows = [*rows, *self.list_all(actions.list_repo_variables)]
        return {row["name"]: row["value"] for row in rows}

    @cached_property
    def secrets(self) -> set[str]:
        """Names of the secrets that workflows get here, those of the organization too."""
        actions = self.rest.actions
        return self._names(actions.list_repo_secrets, actions.list_repo_organization_secrets)

    @cached_property
    def only_in_production(self) -> set[str]:
        """Names of the secrets and variables that the environment has and the repository has not.

        The job of the environment waits for approval alone, so no job reads these.
        """
        try:
            if not self.production:
                return set()
        except NotOnPlan:
            return set()
        actions, where = self.rest.actions, {"environment_name": "production"}
        secrets = self._names(actions.list_environment_secrets, **where) - self.secrets
        names = self._names(actions.list_environment_variables, **where) - self.variables.keys()
        return secrets | names

    @cached_property
    def dependabot_secrets(self) -> set[str]:
        """Names of the secrets that runs of Dependabot get by this repository."""
        return self._names(self.rest.dependabot.list_repo_secrets)

    @cached_property
    def organization_dependabot_secrets(self) -> set[str]:
        """Names of those that they get by the organization. Raises Unreadable for most logins."""
        if not self.in_organization:
            return set()
        try:
            rows = self.list_all(self.rest.dependabot.list_org_secrets, org=self.owner)
            return {row["name"] for row in rows if self._gets(row)}
        except GitHubRefused as error:
            if error.status not in (403, 404):
                raise
            raise Unreadable(ONLY_OWNERS) from None

    def _gets(self, secret: dict[str, Any]) -> bool:
        """Whether a secret of the organization reaches this repository."""
        if secret["visibility"] != "selected":
            return secret["visibility"] == "all" or self.is_private
        method, name = self.rest.dependabot.list_selected_repos_for_org_secret, secret["name"]
        rows = self.list_all(method, org=self.owner, secret_name=name)
        return self.full_name in {row["full_name"] for row in rows}

    def _names(self, *methods: Method[Any], **arguments: Any) -> set[str]:
        return {row["name"] for method in methods for row in self.list_all(method, **arguments)}

    @cached_property
    def actions_policy(self) -> dict[str, Any]:
        """Which actions may run: Settings > Actions > General."""
        method = self.rest.actions.get_github_actions_permissions_repository
        return self.call(method) or {}

    @cached_property
    def organization_policy(self) -> dict[str, Any]:
        """The same of the organization, for its owners alone; {} without one."""
        if not self.in_organization:
            return {}
        method = self.rest.actions.get_github_actions_permissions_organization
        return self.call(method, org=self.owner) or {}

    @cached_property
    def organization_actions(self) -> dict[str, Any]:
        """What the organization allows where it allows only selected actions; {} otherwise."""
        if self.organization_policy.get("allowed_actions") != "selected":
            return {}
        return self.call(self.rest.actions.get_allowed_actions_organization, org=self.owner) or {}

    @cached_property
    def allowed_actions(self) -> dict[str, Any]:
        """What is allowed where only selected actions are; {} otherwise."""
        if self.actions_policy.get("allowed_actions") != "selected":
            return {}
        return self.call(self.rest.actions.get_allowed_actions_repository) or {}

"""One table of what this project needs of its repository on GitHub; doctor and harden read it."""

from __future__ import annotations

from collections.abc import Callable

from mlops_loop.repository import actions_policy, environments, logins, packages, pages, rulesets
from mlops_loop.repository.addresses import image_url, store_url
from mlops_loop.repository.check import Call, Check, Missing, missing_if
from mlops_loop.repository.github_state import RepositoryState

LABEL = {"name": "gate-override", "color": "d93f0b", "description": "Let a HOLD of the gate pass"}


def _default_branch(state: RepositoryState) -> Missing | None:
    return missing_if(state.about["default_branch"] != "main", "it has another name")


def _requires_ci(state: RepositoryState) -> Missing | None:
    required = rulesets.requires_ci(*state.main_protection)
    return missing_if(not required, f"{rulesets.CHECK!r} is not required")


def _main_is_protected(state: RepositoryState) -> Missing | None:
    return missing_if(not rulesets.is_protected(*state.main_protection), "it may be")


def _tags_are_protected(state: RepositoryState) -> Missing | None:
    patterns = rulesets.unprotected(state.list_rulesets("tag"))
    return missing_if(bool(patterns), ", ".join(patterns))


def _set_ruleset(target: str) -> Callable[[RepositoryState], list[Call]]:
    """Create our ruleset, or restore the one of its name."""

    def calls(state: RepositoryState) -> list[Call]:
        repos, ours = state.rest.repos, rulesets.RULESETS[target]
        for ruleset in state.list_rulesets(target):
            if ruleset.get("name") == ours["name"]:
                return [Call(repos.update_repo_ruleset, {"ruleset_id": ruleset["id"], **ours})]
        return [Call(repos.create_repo_ruleset, dict(ours))]

    return calls


def _variable(name: str, default: str) -> Check:
    def inspect(state: RepositoryState) -> Missing | None:
        if name not in state.variables and name in state.only_in_production:
            return Missing("set for the environment production, which no job reads it in")
        return missing_if(name not in state.variables, "not set")

    page, command = "settings/variables/actions", f"gh variable set {name} --body ADDRESS"
    return Check(f"Variable {name}", default, page, inspect, required=False, command=command)


def _label(state: RepositoryState) -> Missing | None:
    label = state.call(state.rest.issues.get_label, name=LABEL["name"])
    return missing_if(label is None, "there is none")


def _alerts(state: RepositoryState) -> Missing | None:
    alerts = state.call(state.rest.repos.check_vulnerability_alerts)
    return missing_if(alerts is None, "switched off")


def _fixes(state: RepositoryState) -> Missing | None:
    fixes = state.call(state.rest.repos.check_automated_security_fixes) or {}
    return missing_if(not fixes.get("enabled"), "switched off")


CHECKS = (
    Check(
        "Origin names this repository",
        "git and the API follow until somebody takes the old name, ghcr.io does not", "settings",
        packages.renamed, required=False,
    ),
    Check(
        "Workflows run", "nothing is tested, trained or deployed", "settings/actions",
        actions_policy.disabled, actions_policy.restrict_actions, admin=True,
    ),
    Check(
        "The actions that workflows use may run", "a workflow fails as it starts",
        "settings/actions", actions_policy.refused_actions, actions_policy.restrict_actions,
        admin=True,
    ),
    Check(
        "The organization lets these actions run", "a workflow fails as it starts",
        "settings/actions", actions_policy.refused_by_organization, for_owners=True,
    ),
    Check(
        "No other actions run, and none unpinned", "foreign code can change between two runs",
        "settings/actions", actions_policy.unused_actions, actions_policy.restrict_actions,
        required=False, admin=True,
    ),
    Check(
        "A job's token reads, unless the job asks for more", "a new job could change anything",
        "settings/actions", actions_policy.token_rights, actions_policy.restrict_token, admin=True,
    ),
    Check(
        "Scheduled workflows are switched on", "nobody monitors the model", "actions",
        actions_policy.idle_workflows, actions_policy.enable_workflows,
    ),
    Check(
        "The default branch is main", "workflows start on main alone", "settings", _default_branch
    ),
    Check(
        "Only what passed its checks reaches main", "an untested model is deployed",
        "settings/rules", _requires_ci, _set_ruleset("branch"),
    ),
    Check(
        "main is never rewritten or deleted", "a version may name a commit that is gone",
        "settings/rules", _main_is_protected, _set_ruleset("branch"),
    ),
    Check(
        "Tags of the registry are never moved or removed", "what was in production can be forged",
        "settings/rules", _tags_are_protected, _set_ruleset("tag"),
    ),
    Check(
        "Only main deploys to production", "a workflow of any branch may deploy",
        "settings/environments", environments.deploying_branches, environments.restrict_to_main,
        required=False,
    ),
    Check(
        "A person is asked before production", "the gate alone decides", "settings/environments",
        environments.reviewers, required=False,
    ),
    _variable("STORE_URL", "data and models are kept in ghcr.io, or where .dvc/config says"),
    _variable("IMAGE_URL", "images go to ghcr.io"),
    _variable("PRODUCTION_URL", "no endpoint is tested after a deployment"),
    Check(
        "The store's login is known", "jobs cannot read the store", "settings/secrets/actions",
        logins.store_login,
    ),
    Check(
        "The image's login is known", "jobs cannot push it", "settings/secrets/actions",
        logins.image_login,
    ),
    Check(
        "Runs of Dependabot know the secrets", "its pull requests fail",
        "settings/secrets/dependabot", logins.dependabot_secrets, required=False,
    ),
    Check(
        "The store belongs to this repository", "permission_denied: write_package", "packages",
        packages.linked(store_url, "STORE_URL"),
    ),
    Check(
        "The image belongs to this repository", "permission_denied: write_package", "packages",
        packages.linked(image_url, "IMAGE_URL"),
    ),
    Check(
        "The organization lets jobs create packages",
        "the first push fails: installation not allowed to Create organization package",
        "packages", packages.may_be_created, required=False,
    ),
    Check(
        "Data and models are private", "everybody can read them", "settings",
        packages.are_private, required=False,
        command="before the first push gh repo edit --visibility private "
        "--accept-visibility-change-consequences, or gh variable set STORE_URL --body ADDRESS",
    ),
    Check(
        "Pages show the dashboard", "it is in the artifact of the workflow monitor",
        "settings/pages", pages.dashboard, required=False,
    ),
    Check(
        "Label gate-override", "a reviewer cannot let a HOLD pass", "labels", _label,
        lambda state: [Call(state.rest.issues.create_label, dict(LABEL))], required=False,
    ),
    Check(
        "Known vulnerabilities of dependencies are reported", "nobody learns of them",
        "settings/security_analysis", _alerts,
        lambda state: [Call(state.rest.repos.enable_vulnerability_alerts)],
        required=False, admin=True,
    ),
    Check(
        "Dependabot fixes them", "a person must", "settings/security_analysis", _fixes,
        lambda state: [Call(state.rest.repos.enable_automated_security_fixes)],
        required=False, admin=True,
    ),
)  # fmt: skip

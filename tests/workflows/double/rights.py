"""Who may do what: tokens with the grants of a job, as GitHub gives and refuses them."""

import secrets
from dataclasses import dataclass, field

# The names of `permissions:` in a workflow.
# https://docs.github.com/en/actions/reference/workflow-syntax-for-github-actions#permissions
GRANTS = (
    "actions",
    "artifact-metadata",
    "attestations",
    "checks",
    "code-quality",
    "contents",
    "copilot-requests",
    "deployments",
    "discussions",
    "drives",
    "id-token",
    "issues",
    "models",
    "packages",
    "pages",
    "pull-requests",
    "repository-projects",
    "security-events",
    "statuses",
    "vulnerability-alerts",
)
WRITE_OR_NONE = {"copilot-requests", "id-token"}
# What no job can be granted, only a person or an app.
PERSONAL = ("administration", "dependabot-secrets", "environments", "secrets", "user")
PERSONAL += ("variables", "workflows")
# What only an owner of the organization may.
OWNERS = ("organization-administration", "organization-dependabot-secrets")
LEVELS = ("none", "read", "write")
# What a token without any grant may read of a public repository.
PUBLIC = {"actions", "attestations", "checks", "contents", "deployments", "issues", "metadata"}
PUBLIC |= {"pull-requests", "statuses"}

# Roles of persons: https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization
_READ = dict.fromkeys(set(GRANTS) - WRITE_OR_NONE, "read") | {"user": "read"}
_WRITE = _READ | dict.fromkeys(set(GRANTS) - WRITE_OR_NONE, "write") | {"workflows": "write"}
ROLES = {
    "read": _READ,
    "write": _WRITE | {"variables": "write"},
    "admin": _WRITE | dict.fromkeys(PERSONAL, "write"),
    "owner": _WRITE | dict.fromkeys(PERSONAL + OWNERS, "write"),
}


@dataclass(frozen=True)
class Token:
    """A token, what it may do, and the job that holds it; `person` for one's own login."""

    value: str = field(repr=False)
    job: str
    grants: dict[str, str]
    person: str | None = None
    claims: dict[str, str] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        """The login under which GitHub shows what this token did."""
        return self.person or "github-actions[bot]"

    def has(self, name: str, level: str) -> bool:
        """Say whether a permission is granted at a level."""
        given = self.grants.get(name, "read" if name == "metadata" else "none")
        return LEVELS.index(given) >= LEVELS.index(level)


def for_job(
    job: str, permissions: dict[str, str] | str, read_only: bool, claims: dict[str, str]
) -> Token:
    """Return a job's token; what is not named is not granted, once anything is.

    A fork's pull request and Dependabot get at most `read`, and no identity.
    Raises ValueError for a permission that GitHub does not know.
    """
    if isinstance(permissions, str):
        level = {"read-all": "read", "write-all": "write", "": "none"}[permissions]
        names = GRANTS if level == "write" else [n for n in GRANTS if n not in WRITE_OR_NONE]
        permissions = dict.fromkeys(names, level)
    if unknown := [name for name in permissions if name not in GRANTS]:
        raise ValueError(f"{job} asks for {unknown}; GitHub knows {', '.join(GRANTS)}")
    for name, level in permissions.items():
        if level not in (("none", "write") if name in WRITE_OR_NONE else LEVELS):
            raise ValueError(f"{job} asks for {name}: {level}, which GitHub does not know")
    if read_only:
        permissions = {name: min(level, "read") for name, level in permissions.items()}
        permissions |= dict.fromkeys(WRITE_OR_NONE, "none")
    return Token(f"ghs_{secrets.token_hex(18)}", job, dict(permissions), None, claims)


def for_person(login: str, role: str, without: tuple[str, ...]) -> Token:
    """Return what a person's login may do in a role: read, write, admin or owner.

    `without` are permissions for which the login has no scope, as `packages` without read:packages.
    """
    grants = {name: level for name, level in ROLES[role].items() if name not in without}
    return Token(f"ghp_{secrets.token_hex(18)}", f"person/{login}", grants, login)


def needed(needs: str) -> list[list[tuple[str, str]]]:
    """Read `a: write & b: read | c: read`: one of the alternatives, each whole."""
    return [
        [tuple(each.strip().split(": ")) for each in alternative.split("&")]
        for alternative in needs.split("|")
    ]


def used(token: Token | None, needs: str, private: bool) -> list[tuple[str, str]] | None:
    """Return the grants that allow a call, None where nothing does."""
    for alternative in needed(needs):
        if token and all(token.has(name, level) for name, level in alternative):
            return alternative
    for alternative in needed(needs):
        if not private and all(level == "read" and name in PUBLIC for name, level in alternative):
            return []
    return None

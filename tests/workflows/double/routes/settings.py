"""The repository and its settings: variables, environments, rules, rights of workflows; users."""

from .. import identity, plans
from ..calls import Answer, Refused
from ..store import Row, Store, now
from . import Asked, route


@route("repos/get")
def get_repository(asked: Asked) -> Row:
    """Show the repository; `permissions` are those of the token."""
    owner, name = asked.store.repository.split("/")
    private = asked.settings["private"]
    row = asked.store.new("repos/get", name=name, full_name=asked.store.repository)
    row |= {"private": private, "visibility": "private" if private else "public"}
    ids = {"id": identity.OWNER_ID, "type": asked.settings["owner"]}
    row |= {"owner": asked.store.user(owner) | ids, "default_branch": "main"}
    row |= {"id": identity.REPOSITORY_ID, "created_at": asked.settings["created_at"]}
    for other in ("parent", "source", "template_repository", "organization"):
        row.pop(other, None)
    token = asked.token
    push, admin = (token and token.has(n, "write") for n in ("contents", "administration"))
    rights = {"admin": bool(admin), "push": bool(push), "pull": True}
    return row | {"permissions": {"maintain": bool(admin), "triage": bool(push)} | rights}


def minimal(store: Store) -> Row:
    """Return the repository in the short form that lists and packages hold."""
    facts = {"full_name": store.repository, "name": store.repository.partition("/")[2]}
    return store.new("dependabot/list-selected-repos-for-org-secret") | facts


@route("actions/get-custom-oidc-sub-claim-for-repo", "actions: read")
def get_subject(asked: Asked) -> Row:
    """Tell how the subjects of its jobs' identities begin."""
    prefix = identity.subject_prefix(asked.store.repository, asked.settings["created_at"])
    facts = {"use_default": True, "use_immutable_subject": "@" in prefix}
    return facts | {"sub_claim_prefix": prefix}


@route("users/get-by-username")
def get_user(asked: Asked) -> Row:
    """Show anybody: every login exists."""
    row = asked.store.new("users/get-by-username")
    return {**row, **{k: v for k, v in asked.store.user(asked.at["username"]).items() if k in row}}


@route("users/get-authenticated", "user: read")
def get_me(asked: Asked) -> Row:
    """Show who holds the token; a job's token is no user."""
    row = asked.store.new("users/get-authenticated")
    return {**row, **{name: value for name, value in asked.user.items() if name in row}}


@route("repos/get-collaborator-permission-level")
def get_permission(asked: Asked) -> Row:
    """Tell a person's role, which the scenario put among `collaborators`; none without one."""
    role = asked.store.rows["collaborators"].get(asked.at["username"], {}).get("role", "none")
    user = asked.store.user(asked.at["username"]) | {"role_name": role}
    return {"permission": role, "role_name": role, "user": user}


# Variables of the repository and of an environment: one table, by the scope.


def _scope(asked: Asked) -> str:
    return f"variables {asked.at.get('environment_name', '')}".strip()


def add_variable(store: Store, name: str, value: str, environment: str = "") -> Row:
    """Keep a variable."""
    row = {"name": name.upper(), "value": value, "created_at": now(), "updated_at": now()}
    return store.add(f"variables {environment}".strip(), row["name"], row)


@route("actions/list-repo-variables", "variables: read")
@route("actions/list-environment-variables", "environments: read")
def list_variables(asked: Asked) -> Row:
    """List the variables of a scope."""
    rows = asked.store.all(_scope(asked))
    return {"total_count": len(rows), "variables": rows}


@route("actions/get-repo-variable", "variables: read")
@route("actions/get-environment-variable", "environments: read")
def get_variable(asked: Asked) -> Row:
    """Show a variable."""
    return asked.store.get(_scope(asked), asked.at["name"].upper())


@route("actions/create-repo-variable", "variables: write")
@route("actions/create-environment-variable", "environments: write")
def create_variable(asked: Asked) -> Answer:
    """Refuse a name that is taken."""
    name = asked.json["name"].upper()
    if name in asked.store.rows[_scope(asked)]:
        raise Refused(409, "Variable already exists")
    add_variable(asked.store, name, asked.json["value"], asked.at.get("environment_name", ""))
    return Answer(201, {})


@route("actions/update-repo-variable", "variables: write")
@route("actions/update-environment-variable", "environments: write")
def update_variable(asked: Asked) -> None:
    """Change a value."""
    get_variable(asked).update(value=asked.json["value"], updated_at=now())


@route("actions/delete-repo-variable", "variables: write")
def delete_variable(asked: Asked) -> None:
    """Forget a variable."""
    asked.store.pop(_scope(asked), asked.at["name"].upper())


@route("repos/get-all-environments", "actions: read")
def list_environments(asked: Asked) -> Row:
    """List the environments."""
    rows = asked.store.all("environments")
    return {"total_count": len(rows), "environments": rows}


@route("repos/get-environment", "actions: read")
def get_environment(asked: Asked) -> Row:
    """Show an environment."""
    return asked.store.get("environments", asked.at["environment_name"])


@route("repos/create-or-update-environment", "administration: write")
def put_environment(asked: Asked) -> Row:
    """Keep reviewers, waiting time and branches."""
    name, body = asked.at["environment_name"], asked.json
    rules: list[Row] = []
    if body.get("wait_timer"):
        rules.append({"type": "wait_timer", "wait_timer": body["wait_timer"]})
    if body.get("reviewers"):
        if asked.settings["private"] and asked.settings["plan"] != "enterprise":
            raise Refused(422, plans.REVIEWERS)
        own = bool(body.get("prevent_self_review"))
        users = [{"type": r["type"], "reviewer": asked.user} for r in body["reviewers"]]
        rules.append({"type": "required_reviewers", "reviewers": users, "prevent_self_review": own})
    if branches := body.get("deployment_branch_policy"):
        rules.append({"type": "branch_policy"})
    rules = [{"id": index, "node_id": f"G{index}"} | rule for index, rule in enumerate(rules, 1)]
    row = asked.store.new("repos/create-or-update-environment", name=name, protection_rules=rules)
    return asked.store.add("environments", name, row | {"deployment_branch_policy": branches})


@route("actions/get-github-actions-permissions-repository", "administration: read")
def get_actions_permissions(asked: Asked) -> Row:
    """Tell whether workflows run, and with which actions."""
    names = ("enabled", "allowed_actions", "sha_pinning_required")
    return {name: asked.settings[name] for name in names}


@route("actions/get-github-actions-default-workflow-permissions-repository", "administration: read")
def get_workflow_permissions(asked: Asked) -> Row:
    """Tell what a job's token may do without `permissions:`."""
    names = ("default_workflow_permissions", "can_approve_pull_request_reviews")
    return {name: asked.settings[name] for name in names}


@route("actions/set-github-actions-permissions-repository", "administration: write")
@route(
    "actions/set-github-actions-default-workflow-permissions-repository", "administration: write"
)
def set_actions_permissions(asked: Asked) -> None:
    """Change the check boxes of Settings > Actions > General, where the organization lets it."""
    allowed = asked.settings.get("organization policy", {}).get("allowed_actions", "all")
    if asked.json.get("allowed_actions", allowed) != allowed != "all":
        raise Refused(409, "Conflict")
    asked.settings.update(asked.json)

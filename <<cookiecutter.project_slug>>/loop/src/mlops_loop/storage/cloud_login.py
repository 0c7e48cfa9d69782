"""Login of a job to the cloud of a bucket, by the token that GitHub signs for it: no secret.

The variable CLOUD_LOGIN of the repository names two roles as `name=value name=value`; neither is a
secret. `loop cloud policy` prints it, with the commands that make the roles. The store's URL says
which cloud it is. What DVC's libraries read is written to GITHUB_ENV, for the job's later steps.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_loop import job_token
from mlops_loop.errors import UsageError
from mlops_loop.storage.remote import dvc_settings
from mlops_loop.storage.remote_kinds import scheme

VARIABLE = "CLOUD_LOGIN"
SEE = "Next: loop cloud policy prints the right one, see loop/docs/cloud.md"
AWS_AUDIENCE, AZURE_AUDIENCE = "sts.amazonaws.com", "api://AzureADTokenExchange"
GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ROLE = r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+"
POOL = r"projects/\d+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+"
# By kind of store: the names in CLOUD_LOGIN and the form of each value.
FORMS = {
    "s3": {"reader": ROLE, "writer": ROLE, "region": r"[a-z]+(-[a-z]+)+-\d+"},
    "azure": {"reader": GUID, "writer": GUID, "tenant": GUID},
    "gs": {"reader": POOL, "writer": POOL},
}
ROLES = ("reader", "writer")


@dataclass(frozen=True)
class Login:
    """identity: of the role in its cloud. variables: what later steps of the job have."""

    role: str
    identity: str
    variables: dict[str, str]


def parse(text: str, kind: str) -> dict[str, str]:
    """The values in CLOUD_LOGIN, by name, for a kind of store: s3, azure or gs.

    Raises UsageError for a name that is missing, unknown or given twice, and for a value that
    cannot be right.
    """
    forms, found = FORMS[kind], {}
    for word in text.split():
        name, _, value = word.partition("=")
        if name not in forms or name in found or not re.fullmatch(forms[name], value):
            raise UsageError(f"{VARIABLE} holds {word!r}: {_allowed(kind)}. {SEE}")
        found[name] = value
    if missing := forms.keys() - found:
        raise UsageError(f"{VARIABLE} lacks {sorted(missing)[0]}=: {_allowed(kind)}. {SEE}")
    return found


def _allowed(kind: str) -> str:
    names = ", ".join(f"{name}=" for name in FORMS[kind])
    return f"for a store {kind}:// it holds {names}, each once"


def log_in(root: Path, role: str, env: Mapping[str, str] = os.environ) -> Login:
    """Log this job in as `reader` or `writer` of the store; later steps of the job are, too.

    Raises UsageError where there is nothing to log in to, the job may not ask for a token, or
    another login is set too, which would win in silence; NoJobToken where GitHub gives no token.
    """
    kind = _kind(root)
    values = parse(env.get(VARIABLE, ""), kind)
    _check(env)
    folder = Path(env["RUNNER_TEMP"])
    token = folder / "store-token"
    variables = _VARIABLES[kind](values, values[role], token, env)
    audience = _audience(kind, values[role])
    job_token.write(token, audience, env)
    if kind == "gs":
        _write_google(Path(variables["GOOGLE_APPLICATION_CREDENTIALS"]), values[role], token)
    variables |= {job_token.FILE: str(token), job_token.AUDIENCE: audience}
    with Path(env["GITHUB_ENV"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in variables.items())
    return Login(role, values[role], variables)


def _kind(root: Path) -> str:
    """The kind of the project's store; raises UsageError where it is no bucket."""
    url = dvc_settings(root).get("remote_config", {}).get("url", "")
    if (kind := scheme(url)) in FORMS:
        return kind
    raise UsageError(
        f"{VARIABLE} is set, and the store is no bucket (s3://, gs://, azure://). Next: set "
        f"STORE_URL to the bucket, or gh variable delete {VARIABLE}"
    )


def _check(env: Mapping[str, str]) -> None:
    if env.get("STORE_PASSWORD"):
        raise UsageError(
            f"{VARIABLE} and STORE_PASSWORD are both set. Next: gh secret delete STORE_PASSWORD, "
            f"or gh variable delete {VARIABLE}"
        )
    if not (env.get("RUNNER_TEMP") and env.get("GITHUB_ENV")):
        raise UsageError("This logs in a job of GitHub Actions. Next: loop/docs/store.md")
    if not job_token.is_given(env):
        raise UsageError(
            "This job may not ask GitHub for a token. Next: add `id-token: write` to its "
            "permissions, see loop/docs/cloud.md"
        )


def _audience(kind: str, identity: str) -> str:
    """Whom the token is for; a cloud refuses one that is for another."""
    known = {"s3": AWS_AUDIENCE, "azure": AZURE_AUDIENCE}
    return known.get(kind) or f"https://iam.googleapis.com/{identity}"


Values = Mapping[str, str]


def _aws(values: Values, identity: str, token: Path, env: Values) -> dict[str, str]:
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html"""
    session = f"loop-{env.get('GITHUB_RUN_ID', '0')}-{env.get('GITHUB_JOB', 'job')}"
    return {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": identity,
        "AWS_ROLE_SESSION_NAME": re.sub(r"[^\w+=,.@-]", "-", session)[:64],
        "AWS_REGION": values["region"],
        "AWS_DEFAULT_REGION": values["region"],  # the one that botocore reads
    }


def _azure(values: Values, identity: str, token: Path, env: Values) -> dict[str, str]:
    """https://learn.microsoft.com/python/api/azure-identity/azure.identity.workloadidentitycredential"""
    return {
        "AZURE_FEDERATED_TOKEN_FILE": str(token),
        "AZURE_CLIENT_ID": identity,
        "AZURE_TENANT_ID": values["tenant"],
        # This one and no other: see remote_kinds.with_login for those that DVC turns on again.
        "AZURE_TOKEN_CREDENTIALS": "WorkloadIdentityCredential",
    }


def _google(values: Values, identity: str, token: Path, env: Values) -> dict[str, str]:
    """https://google.aip.dev/auth/4117"""
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(token.with_name("store-credentials.json"))}


_VARIABLES: dict[str, Callable[[Values, str, Path, Values], dict[str, str]]] = {
    "s3": _aws,
    "azure": _azure,
    "gs": _google,
}


def _write_google(path: Path, identity: str, token: Path) -> None:
    """No secret: whose token is exchanged, where it lies, and where it is exchanged."""
    content = {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{identity}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": str(token), "format": {"type": "text"}},
    }
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")

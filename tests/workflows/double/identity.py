"""The double's own key: what workflows are (OIDC), and what a registry may be asked for."""

import base64
import time
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from .calls import Answer, Refused, Request
from .rights import Token

if TYPE_CHECKING:
    from .service import Double

OIDC = "/oidc"
# Repositories that were created, renamed or transferred from this day on have ids in the subject:
# https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
IDS_SINCE = "2026-07-15"
REPOSITORY_ID, OWNER_ID = 1296269, 9919
LIFETIME_S = 300


@cache
def key() -> RSAKey:
    """Return the key that signs everything, made once per process."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


@cache
def certificate() -> x509.Certificate:
    """Return the key's own certificate: Debian's docker-registry (2.8) trusts nothing else."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "GitHub's double")])
    start, private = datetime.now(UTC) - timedelta(hours=1), key().private_key
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(private.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=2))
    authority = x509.BasicConstraints(ca=True, path_length=None)
    return builder.add_extension(authority, critical=True).sign(private, hashes.SHA256())


def pem() -> bytes:
    """Return the certificate as a registry's rootcertbundle."""
    return certificate().public_bytes(serialization.Encoding.PEM)


def signed(claims: dict[str, Any], **header: Any) -> str:
    """Return claims as a token that holds from now for five minutes."""
    now = int(time.time())
    times = {"iat": now, "nbf": now - 5, "exp": now + LIFETIME_S, "jti": str(uuid.uuid4())}
    return jwt.encode({"alg": "RS256", "kid": key().kid} | header, times | claims, key())


def for_registry(claims: dict[str, Any]) -> str:
    """Return claims as docker-registry 2.8 reads them: with the certificate in the header."""
    der = certificate().public_bytes(serialization.Encoding.DER)
    return signed(claims, x5c=[base64.b64encode(der).decode()])


def verified(token: str) -> dict[str, Any]:
    """Return the claims of a token that this double signed and that still holds, else nothing."""
    try:
        decoded = jwt.decode(token, key(), algorithms=["RS256"])
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(decoded.claims)
    except (JoseError, ValueError):
        return {}
    return decoded.claims


def subject_prefix(
    repository: str, created: str, owner_id: int | str = OWNER_ID, of_id: int | str = REPOSITORY_ID
) -> str:
    """Return how subjects of a repository begin: names can be taken over, ids cannot.

    owner_id, of_id: of the owner and of the repository itself.
    """
    owner, _, name = repository.partition("/")
    if created < IDS_SINCE:
        return f"repo:{repository}"
    return f"repo:{owner}@{owner_id}/{name}@{of_id}"


def claims(github: "Double", token: Token, audience: str) -> dict[str, Any]:
    """Return what GitHub says of a job; what the scenario knows better is in `token.claims`.

    Another `repository` there, or another id, is somebody else's job: its subject follows.
    https://docs.github.com/en/actions/reference/security/oidc
    """
    workflow, _, job = token.job.partition("/")
    repository = token.claims.get("repository", github.repository)
    owner = repository.split("/")[0]
    said = {
        "ref": "refs/heads/main",
        "sha": "0" * 40,
        "event_name": "push",
        "actor": "octocat",
        "workflow": workflow,
        "repository": repository,
        "repository_owner": owner,
        "repository_visibility": "private" if github.private else "public",
        "repository_id": str(REPOSITORY_ID),
        "repository_owner_id": str(OWNER_ID),
        "actor_id": "1",
        "run_id": "1",
        "run_number": "1",
        "run_attempt": "1",
        "runner_environment": "github-hosted",
        "head_ref": "",
        "base_ref": "",
        "check_run_id": job,
    } | token.claims
    said["ref_type"] = "tag" if said["ref"].startswith("refs/tags/") else "branch"
    # The double protects refs from the tokens of jobs, as a ruleset does.
    said["ref_protected"] = str(said["ref"] in github.store.protected).lower()
    path = f"{repository}/.github/workflows/{workflow}.yml@{said['ref']}"
    said = {"workflow_ref": path, "job_workflow_ref": path} | said
    said = {"workflow_sha": said["sha"], "job_workflow_sha": said["sha"]} | said
    where = f"ref:{said['ref']}"
    if said["event_name"] == "pull_request":
        where = "pull_request"
    if said.get("environment"):
        # A colon separates the parts of a subject, so one in a name is escaped.
        where = "environment:" + said["environment"].replace(":", "%3A")
    ids = said["repository_owner_id"], said["repository_id"]
    said["sub"] = f"{subject_prefix(repository, github.created, *ids)}:{where}"
    return said | {"iss": github.url + OIDC, "aud": audience or f"{github.url}/{owner}"}


def answer(github: "Double", request: Request, token: Token | None) -> Answer:
    """Give a job its identity, and everybody the documents to verify it with."""
    issuer = github.url + OIDC
    documents = {
        "/.well-known/openid-configuration": {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks",
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        },
        "/.well-known/jwks": {"keys": [key().as_dict(private=False)]},
    }
    path = request.path.removeprefix(OIDC)
    if path in documents:
        return Answer(200, documents[path], {"Content-Type": "application/json"})
    if path != "/token":
        raise Refused(404, "Not Found")
    if not token or not token.has("id-token", "write"):
        raise Refused(403, "This job has no id-token: write")
    github.use(token, [("id-token", "write")])
    value = signed(claims(github, token, request.query.get("audience", "")))
    return Answer(200, {"count": len(value), "value": value}, {"Content-Type": "application/json"})

"""Who signed an image: GitHub's attestation of its build, verified by GitHub's own `gh`.

The workflow `release` signs each image that it builds in a public repository (actions/attest). The
certificate names workflow, branch and commit, and GitHub vouches for them; see
https://docs.github.com/en/actions/concepts/security/artifact-attestations.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_loop.deployment import docker
from mlops_loop.errors import NotAttested, UsageError
from mlops_loop.text import printable

WORKFLOW = ".github/workflows/release.yml@refs/heads/main"
TIMEOUT_S = 120
GH = (
    "gh is not installed, and it verifies attestations. Next: install GitHub's command line, "
    "https://cli.github.com (runners of GitHub have it)"
)


@dataclass(frozen=True)
class Signature:
    """What a verified certificate says: the workflow with its branch, the commit, the run."""

    workflow: str
    commit: str
    run: str

    def describe(self) -> str:
        """As a clause of a sentence."""
        return f"signed by {self.workflow} at commit {self.commit} ({self.run})"


def verify(image: str, repository: str, commit: str = "", from_registry: bool = False) -> Signature:
    """Who signed `image` (HOST/OWNER/NAME@sha256:...): the release of `repository` (OWNER/NAME).

    commit: the one that it must be built from, empty for any commit of main. from_registry: read
    the signature beside the image, which needs no login at GitHub. Raises NotAttested
    where there is no such attestation or `gh` cannot verify it, UsageError where `gh` is missing
    or the image has no digest.
    """
    if "@sha256:" not in image:
        raise UsageError(f"{image} may move: name an image by its digest, NAME@sha256:<64 digits>")
    docker.login(image)
    # --signer-workflow is a pattern that every branch fits; the identity is compared as a whole.
    exact = ["--cert-identity", identity(repository)]
    exact += ["--source-digest", commit] if commit else []
    place = ["--bundle-from-oci"] if from_registry else []
    done = _gh(image, repository, *exact, *place)
    if done.returncode == 0 and (signatures := _signatures(done.stdout)):
        return signatures[0]
    raise NotAttested(_refusal(image, repository, commit, done.stderr, place))


def identity(repository: str, env: Mapping[str, str] = os.environ) -> str:
    """The workflow that may sign images of a repository, as certificates name it."""
    server = env.get("GITHUB_SERVER_URL") or "https://github.com"
    return f"{server}/{repository}/{WORKFLOW}"


def _gh(image: str, repository: str, *more: str) -> subprocess.CompletedProcess[str]:
    call = ["gh", "attestation", "verify", f"oci://{image}", "--repo", repository, *more]
    call += ["--format", "json"]
    try:
        # Beside the image a signature is read with any token; without one, gh asks for a login.
        env = {"GH_TOKEN": "none", **os.environ} if "--bundle-from-oci" in more else None
        return subprocess.run(call, capture_output=True, text=True, timeout=TIMEOUT_S, env=env)
    except FileNotFoundError as error:
        raise UsageError(GH) from error
    except subprocess.TimeoutExpired as error:
        raise NotAttested(
            f"{image}: gh attestation verify gave no answer within {TIMEOUT_S} s. Next: the same "
            "command again"
        ) from error


def _signatures(text: str) -> list[Signature]:
    """The signatures in an answer of `gh --format json`; none where it is not of that form."""
    try:
        found = [row["verificationResult"]["signature"]["certificate"] for row in json.loads(text)]
        return [_signature(certificate) for certificate in found]
    except (ValueError, LookupError, TypeError):
        return []


def _signature(certificate: dict[str, Any]) -> Signature:
    names = ("buildSignerURI", "sourceRepositoryDigest", "runInvocationURI")
    return Signature(*(printable(str(certificate[name])) for name in names))


def _refusal(image: str, repository: str, commit: str, said: str, place: Sequence[str]) -> str:
    """What was expected, who signed the image instead, what `gh` said."""
    others = _signatures(_gh(image, repository, *place).stdout)
    found = "; ".join(other.describe() for other in others) or "no attestation that holds"
    wanted = identity(repository) + (f" at commit {commit}" if commit else "")
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "nothing")
    return (
        f"{image} must be signed by {wanted}. Found: {found}. gh says: {printable(last)}. Next: "
        "the same command again if gh was not answered; else build the image by the workflow "
        "release"
    )

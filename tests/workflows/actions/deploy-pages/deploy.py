"""Create a Pages deployment of an artifact of this run, and wait for it."""

import json
import os
import sys
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path

AGENT = "deploy-pages ({GITHUB_WORKFLOW}/{GITHUB_JOB})".format(**os.environ)
SITE = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/pages/deployments".format(**os.environ)
# What ends a deployment, by the real action's src/internal/deployment.js.
FAILED = ("failed", "content_failed", "cancelled", "lost")


def ask(url: str, token: str, body: dict | None = None) -> dict:
    """Send JSON where there is a body; return the JSON of the answer."""
    data = json.dumps(body).encode() if body else None
    headers = {"Authorization": f"Bearer {token}", "User-Agent": AGENT}
    request = urllib.request.Request(url, data, headers | {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=30))


def artifact(name: str) -> int:
    """Return the id of the artifact, of which the run must have exactly one."""
    stored = sorted(folder.name for folder in Path(os.environ["RIG_ARTIFACTS"]).iterdir())
    if name not in stored:
        sys.exit(f'No artifacts named "{name}" were found for this workflow run.')
    with tarfile.open(next((Path(os.environ["RIG_ARTIFACTS"]) / name).iterdir())) as site:
        if bad := [member.name for member in site if member.issym() or member.islnk()]:
            sys.exit(f"Artifact could not be deployed. It has links: {bad}")
    return stored.index(name) + 1


if "ACTIONS_ID_TOKEN_REQUEST_URL" not in os.environ:
    sys.exit('Ensure GITHUB_TOKEN has permission "id-token: write".')
job_token = os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
identity = ask(os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"], job_token)["value"]
version, token = os.environ["GITHUB_SHA"], os.environ["TOKEN"]
body = {"artifact_id": artifact(os.environ["NAME"]), "pages_build_version": version}
try:
    made = ask(SITE, token, body | {"oidc_token": identity})
except urllib.error.HTTPError as error:
    print(error.read().decode())
    sys.exit(f"Failed to create deployment (status: {error.code}) with build version {version}.")
with Path(os.environ["GITHUB_OUTPUT"]).open("a") as output:
    output.write(f"page_url={made['page_url']}\n")
while (status := ask(f"{SITE}/{made['id']}", token)["status"]) != "succeed":
    if status.removeprefix("deployment_") in FAILED:
        sys.exit(f"Deployment failed: {status}")
    time.sleep(0.1)
print(f"Reported success: {made['page_url']}")

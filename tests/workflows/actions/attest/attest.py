"""Ask for the job's identity, as Sigstore would want it, and give GitHub the statement."""

import base64
import json
import os
import urllib.request

AGENT = "attest ({GITHUB_WORKFLOW}/{GITHUB_JOB})".format(**os.environ)


def ask(url: str, token: str, body: dict | None = None) -> dict:
    """Send JSON where there is a body; return the JSON of the answer."""
    data = json.dumps(body).encode() if body else None
    headers = {"Authorization": f"Bearer {token}", "User-Agent": AGENT}
    request = urllib.request.Request(url, data, headers | {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=30))


job_token = os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
identity = ask(os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=sigstore", job_token)
digest = os.environ["DIGEST"].removeprefix("sha256:")
subject = [{"name": os.environ["NAME"], "digest": {"sha256": digest}}]
statement = {"_type": "https://in-toto.io/Statement/v1", "subject": subject}
statement |= {"predicateType": "https://slsa.dev/provenance/v1", "predicate": {}}
payload = base64.b64encode(json.dumps(statement).encode()).decode()
bundle = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {"certificate": {"rawBytes": identity["value"]}},
    "dsseEnvelope": {"payload": payload, "payloadType": "application/vnd.in-toto+json"},
}
url = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/attestations".format(**os.environ)
print(ask(url, os.environ["TOKEN"], {"bundle": bundle}))

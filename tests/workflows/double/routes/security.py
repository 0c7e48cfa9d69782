"""Code scanning, dependency review, attestations."""

import base64
import binascii
import gzip
import json
import uuid

from ..calls import Refused
from ..store import Row
from . import Asked, route


@route("code-scanning/upload-sarif", "security-events: write")
def upload_sarif(asked: Asked) -> Row:
    """Keep a report, which must be SARIF, packed as GitHub wants it."""
    try:
        report = json.loads(gzip.decompress(base64.b64decode(asked.json["sarif"])))
    except (OSError, ValueError, binascii.Error):
        raise Refused(400, "Invalid request: sarif is not gzip in base64") from None
    if report.get("version") != "2.1.0" or not isinstance(report.get("runs"), list):
        raise Refused(400, "Invalid SARIF: only version 2.1.0 is supported")
    row = asked.store.new("code-scanning/upload-sarif", id=str(uuid.uuid4()))
    asked.store.add("sarifs", row["id"], row | asked.json | {"report": report})
    return row


@route("code-scanning/get-sarif", "security-events: read")
def get_sarif(asked: Asked) -> Row:
    """Say that it was taken in."""
    asked.store.get("sarifs", asked.at["sarif_id"])
    return {"processing_status": "complete", "errors": None}


@route("dependency-graph/diff-range", "contents: read")
def compare_dependencies(asked: Asked) -> list[Row]:
    """List what the scenario put among `dependency changes`."""
    for ref in asked.at["basehead"].split("..."):
        asked.store.sha(ref)
    return asked.store.all("dependency changes")


@route("repos/create-attestation", "attestations: write")
def create_attestation(asked: Asked) -> Row:
    """Keep a bundle under the digests of its subjects."""
    try:
        statement = json.loads(base64.b64decode(asked.json["bundle"]["dsseEnvelope"]["payload"]))
        digests = [f"sha256:{each['digest']['sha256']}" for each in statement["subject"]]
    except (KeyError, TypeError, ValueError):
        raise Refused(422, "Invalid bundle: no in-toto statement with subjects") from None
    row = asked.store.new("repos/create-attestation")
    asked.store.add("attestations", row["id"], asked.json | {"digests": digests})
    return row


@route("repos/list-attestations", "attestations: read")
def list_attestations(asked: Asked) -> Row:
    """List the bundles of a digest."""
    digest, rows = asked.at["subject_digest"], asked.store.all("attestations")
    found = [row["bundle"] for row in rows if digest in row["digests"]]
    if not found:
        raise Refused(404, "Not Found")
    return {"attestations": [{"bundle": each, "repository_id": 1296269} for each in found]}

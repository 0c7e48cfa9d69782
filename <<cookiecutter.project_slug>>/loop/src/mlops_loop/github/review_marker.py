"""What a pull request reported, looked up after its merge: is this the model that was reviewed?

The report ends with a hidden line that holds the bundle's id and its scores of the golden rows.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from mlops_loop import git
from mlops_loop.github.api import BOT, Repository
from mlops_loop.github.comment import MARKER
from mlops_loop.model.bundle import Bundle

LABEL = "gate-override"
SEAL = re.compile(r"<!-- bundle (\{.*?\}) -->")


def seal(bundle: Bundle) -> str:
    """The hidden line: a comment of HTML in which no value of the data stands."""
    scores = [line["score"] for line in bundle.golden()]
    facts = {"id": bundle.id, "scores": np.round(scores, 7).tolist()}
    return f"<!-- bundle {json.dumps(facts, separators=(',', ':'))} -->"


def compare(bundle: Bundle, seal: dict[str, Any]) -> str:
    """How far `bundle` is from the one that was reported: not at all, or by how much."""
    if seal["id"] == bundle.id:
        return f"The model is the one that was reported, byte for byte ({bundle.id})."
    told = f"The model {bundle.id} is not the one that was reported ({seal['id']})"
    now, then = (np.asarray(s) for s in ([g["score"] for g in bundle.golden()], seal["scores"]))
    if now.shape != then.shape:
        return f"{told}, and its golden rows are others."
    return f"{told}: golden rows differ by up to {np.abs(now - then).max():.2g}."


def run(bundle: Bundle, repository: Repository | None = None) -> dict[str, str]:
    """What the pull request of HEAD says: `told` to people, `override` the reason to let HOLD pass.

    Raises GitHubRefused. Nothing was reviewed where HEAD came without a pull request.
    """
    repository = repository or Repository()
    sha = os.environ.get("GITHUB_SHA") or git.run(Path(), "rev-parse", "HEAD").stdout.strip()
    call = "repos.list_pull_requests_associated_with_commit"
    merged = [pull for pull in repository.all(call, commit_sha=sha) if pull.get("merged_at")]
    if not merged:
        return {"told": "No pull request led here, so nothing was reviewed.", "override": ""}
    number, names = merged[0]["number"], {label["name"] for label in merged[0]["labels"]}
    override = f"label {LABEL} of #{number}" if LABEL in names else ""
    told = f"#{number} reported no model."
    for comment in repository.all("issues.list_comments", issue_number=number):
        body, author = comment.get("body") or "", (comment.get("user") or {}).get("login")
        if author == BOT and body.startswith(MARKER) and (found := SEAL.search(body)):
            told = f"#{number}: {compare(bundle, json.loads(found[1]))}"
    return {"told": told, "override": override}

"""Refuse a pull request that adds a dependency with a known hole."""

import json
import os
import sys
import urllib.request
from pathlib import Path

LEVELS = ["low", "moderate", "high", "critical"]

event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())["pull_request"]
commits = f"{event['base']['sha']}...{event['head']['sha']}"
place = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/dependency-graph/compare/".format(**os.environ)
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
headers["User-Agent"] = "dependency-review ({GITHUB_WORKFLOW}/{GITHUB_JOB})".format(**os.environ)
request = urllib.request.Request(place + commits, headers=headers)
changes = json.load(urllib.request.urlopen(request, timeout=30))
least = LEVELS.index(os.environ["SEVERITY"])
bad = [
    change["name"] for change in changes
    if change["change_type"] == "added"
    and any(LEVELS.index(hole["severity"]) >= least for hole in change["vulnerabilities"])
]  # fmt: skip
print(f"{len(changes)} changes of dependencies; with known holes: {bad}")
sys.exit(bool(bad))

"""Ask for the latest runs, and write a file without findings."""

import json
import os
import urllib.request
from pathlib import Path

url = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/actions/runs?per_page=1".format(**os.environ)
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
headers["User-Agent"] = "scorecard ({GITHUB_WORKFLOW}/{GITHUB_JOB})".format(**os.environ)
request = urllib.request.Request(url, headers=headers)
runs = json.load(urllib.request.urlopen(request, timeout=30))["total_count"]
driver = {"tool": {"driver": {"name": "scorecard"}}, "results": []}
Path(os.environ["FILE"]).write_text(json.dumps({"version": "2.1.0", "runs": [driver]}))
print(f"{runs} runs seen")

"""Send findings to code scanning, compressed as its API wants them."""

import base64
import gzip
import json
import os
import urllib.request
from pathlib import Path

findings = base64.b64encode(gzip.compress(Path(os.environ["FILE"]).read_bytes())).decode()
ref, commit = os.environ["GITHUB_REF"], os.environ["GITHUB_SHA"]
body = {"commit_sha": commit, "ref": ref, "sarif": findings}
url = "{GITHUB_API_URL}/repos/{GITHUB_REPOSITORY}/code-scanning/sarifs".format(**os.environ)
headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Content-Type": "application/json"}
headers["User-Agent"] = "upload-sarif ({GITHUB_WORKFLOW}/{GITHUB_JOB})".format(**os.environ)
request = urllib.request.Request(url, json.dumps(body).encode(), headers)
print(urllib.request.urlopen(request, timeout=30).read().decode())

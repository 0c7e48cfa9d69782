"""List the packages of an image and look each up in RIG_ADVISORIES: name, severity, fixed in."""

import json
import os
import subprocess
import sys
from pathlib import Path

LEVELS = ["negligible", "low", "medium", "high", "critical"]
LIST = "from importlib import metadata as m; print(*{d.name.lower() for d in m.distributions()})"

command = ["docker", "run", "--rm", "--network=none", "--entrypoint=python", os.environ["IMAGE"]]
packages = subprocess.run([*command, "-c", LIST], capture_output=True, text=True, check=True)
known = json.loads(os.environ.get("RIG_ADVISORIES") or "[]")
found = [
    each for each in known
    if each["name"] in packages.stdout.split()
    and LEVELS.index(each["severity"]) >= LEVELS.index(os.environ["CUTOFF"])
    and (each["fixed_in"] or os.environ["ONLY_FIXED"] != "true")
]  # fmt: skip
results = [{"ruleId": each["name"], "message": {"text": each["severity"]}} for each in found]
run = {"tool": {"driver": {"name": "scan"}}, "results": results}
Path("results.sarif").write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
with Path(os.environ["GITHUB_OUTPUT"]).open("a") as output:
    output.write("sarif=results.sarif\n")
print(f"{len(packages.stdout.split())} packages, found: {[each['name'] for each in found]}")
sys.exit(bool(found) and os.environ["FAIL"] == "true")

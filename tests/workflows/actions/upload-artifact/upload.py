"""Copy files to the run's folder of artifacts, with the rules of actions/upload-artifact."""

import glob
import json
import os
import shutil
import sys
from pathlib import Path

REFUSED = set('":<>|*?\r\n')  # in any path, as the real action does

wanted = [line.strip() for line in os.environ["PATHS"].splitlines() if line.strip()]
found = [Path(path).absolute() for line in wanted for path in glob.glob(line)]
files = [
    file for path in found for file in ([path] if path.is_file() else path.rglob("*"))
    if file.is_file() and "/." not in f"/{file.relative_to(Path.cwd())}"
]  # fmt: skip
target = Path(os.environ["RIG_ARTIFACTS"]) / os.environ["NAME"]
if not files:
    print(f"No files were found with the provided path: {wanted}.")
    sys.exit(os.environ["MISSING"] == "error")
if bad := [file for file in files if REFUSED & set(str(file.relative_to(Path.cwd())))]:
    sys.exit(f"The path for one of the files in artifact is not valid: {bad[0]}")
if target.exists() and os.environ["OVERWRITE"] != "true":
    sys.exit("Failed to CreateArtifact: (409) Conflict: an artifact with this name already exists")
# What this run may still upload, and what it did: the World keeps the account's storage.
log = target.parent.with_name("uploads.jsonl")
uploads = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
size, left = sum(file.stat().st_size for file in files), os.environ.get("RIG_ARTIFACTS_LEFT")
if left and size > int(left) - sum(upload["size"] for upload in uploads):
    sys.exit(os.environ["RIG_ARTIFACTS_FULL"])
kept = {"name": target.name, "size": size, "retention_days": int(os.environ["DAYS"])}
with log.open("a") as file:
    file.write(json.dumps(kept) + "\n")
# One path: its content. Several paths: their least common folder is the root of the artifact, also
# where one of them is not there.
paths = [Path(line).absolute() for line in wanted] if len(wanted) > 1 else found[:1]
root = Path(os.path.commonpath(paths))
root = root.parent if root.is_file() else root
shutil.rmtree(target, ignore_errors=True)
for file in files:
    place = target / file.relative_to(root)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)
print(f"{len(files)} files uploaded as {target.name}")

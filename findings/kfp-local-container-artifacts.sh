#!/usr/bin/env bash
# kfp's local runner drops an artifact that a plain container writes.
#
# A container component with an Output[Artifact] writes the file where it was told to, and the run
# succeeds. On a cluster the launcher hands the file on. The local DockerRunner knows only artifacts
# that kfp's own Python executor listed: the task has no outputs, and a next task that takes the
# artifact ends the run with "task not found". An output parameter, OutputPath(str), is handed on.
#
# Seen with kfp 2.17.3. Needs a Docker engine, and the image python:3.11-slim-bookworm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check kfp==2.17.3 docker==7.2.0
cd "$folder"
cat >show.py <<'END'
from pathlib import Path

from kfp import dsl, local

WRITE = 'mkdir -p "$(dirname "$1")" && echo made > "$1"'


@dsl.container_component
def artifact(made: dsl.Output[dsl.Artifact]):
    return dsl.ContainerSpec("python:3.11-slim-bookworm", ["sh", "-ec", WRITE, "sh"], [made.path])


@dsl.container_component
def parameter(made: dsl.OutputPath(str)):
    return dsl.ContainerSpec("python:3.11-slim-bookworm", ["sh", "-ec", WRITE, "sh"], [made])


local.init(local.DockerRunner(user="0"), pipeline_root=str(Path("root").resolve()))
outputs = artifact().outputs, parameter().outputs
written = [path.read_text() for path in Path("root").rglob("made")]
print(f"written: {written}; outputs of the artifact's task: {outputs[0]}, of the parameter's: {outputs[1]}")
assert written == ["made\n"] * 2, written
assert outputs == ({}, {"made": "made\n"}), outputs
END
"$folder/env/bin/python" show.py 2>"$folder/log" | tail -1

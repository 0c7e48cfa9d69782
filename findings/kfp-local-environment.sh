#!/usr/bin/env bash
# One variable of a task makes kfp's local runner forget the environment that the runner was given.
#
# DockerRunner(environment={...}) gives its variables to each container. As soon as a task has one of
# its own, by set_env_variable, it has only that: the runner's are replaced, not extended. Nothing is
# said. So a proxy or an address of a store that is set for the whole run is missing in just this task.
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

WRITE = 'mkdir -p "$(dirname "$1")" && echo "runner: ${RUNNER:-} task: ${TASK:-}" > "$1"'


@dsl.container_component
def show(made: dsl.OutputPath(str)):
    return dsl.ContainerSpec("python:3.11-slim-bookworm", ["sh", "-ec", WRITE, "sh"], [made])


@dsl.pipeline(name="show")
def both():
    show()
    show().set_env_variable("TASK", "yes")


runner = local.DockerRunner(user="0", environment={"RUNNER": "yes"})
local.init(runner, pipeline_root=str(Path("root").resolve()))
both()
seen = sorted(path.read_text().strip() for path in Path("root").rglob("made"))
print(seen)
assert seen == ["runner:  task: yes", "runner: yes task:"], seen
END
"$folder/env/bin/python" show.py 2>"$folder/log" | tail -1

#!/usr/bin/env bash
# A file of one line that imports githubkit makes mypy read more than 3,000 modules and hold a gigabyte.
#
# `from githubkit import GitHub` names no part of GitHub's API, but the class describes the newest version
# of all of it: each schema is a module of its own, once as a pydantic model and once as a TypedDict. With a
# cold cache, as in CI, this takes most of a minute of one processor, whatever the file uses. Skipping the
# models alone (`follow_imports = skip`) halves modules and memory; names of arguments are still checked,
# and what a call returns is Any.
#
# Seen with githubkit 0.16.1, githubkit-schemas 26.10.21 and mypy 2.4.1, without pydantic's plugin.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check githubkit==0.16.1 githubkit-schemas==26.10.21 mypy==2.4.1
cd "$folder"
echo "from githubkit import GitHub" > alone.py
cat > wrong.py <<'END'
from githubkit import GitHub

made = GitHub("token").rest.issues.create("owner", "name", title="Title", lables=["a"])
reveal_type(GitHub("token").rest.issues.create("owner", "name", title="Title").parsed_data)
END
cat > skip.ini <<'END'
[mypy]
[mypy-githubkit_schemas.*.models.*]
follow_imports = skip
END
"$folder/env/bin/python" - <<'END'
import os
import subprocess
import sys
from pathlib import Path


def mypy(name, *options):
    """What mypy prints, how many schema modules it read, and its peak memory in MB."""
    cache = f"cache-{name}-{len(options)}"
    command = [sys.executable, "-m", "mypy", "--cache-dir", cache, "--timing-stats", "times", *options, name]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    text = program.stdout.read()
    _, _, used = os.wait4(program.pid, 0)
    lines = Path("times").read_text().splitlines()
    return text, sum(line.startswith("githubkit_schemas.") for line in lines), used.ru_maxrss // 1024


text, modules, memory = mypy("alone.py")
print(f"one import: {modules:,} modules of githubkit_schemas, {memory:,} MB; {text.strip()}")
assert modules > 3000 and memory > 600, (modules, memory)
text, fewer, less = mypy("wrong.py", "--config-file", "skip.ini")
print(f"without models: {fewer:,} modules, {less:,} MB")
assert fewer < modules * 0.6 and less < memory * 0.8, (fewer, less)
assert 'did you mean "labels"?' in text and 'Revealed type is "Any"' in text, text
END

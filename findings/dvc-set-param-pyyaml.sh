#!/usr/bin/env bash
# What `dvc exp run -S` writes to params.yaml, PyYAML reads as something else.
#
# DVC reads and writes params.yaml as YAML 1.2, PyYAML reads YAML 1.1, and DVC leaves out the quotes
# that only 1.1 needs. So a learning rate of 0.00001 is a number to DVC and text to a stage that uses
# PyYAML; the text 1:30 is the number 90 (base 60), and the text yes is True.
#
# Seen with dvc 3.67.1 and PyYAML 6.0.3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check dvc==3.67.1 pyyaml==6.0.3
export PATH="$folder/env/bin:$PATH" DVC_NO_ANALYTICS=1 HOME="$folder"
mkdir "$folder/project"
cd "$folder/project"
git init --quiet --initial-branch main
git config user.name Tester
git config user.email tester@users.noreply.github.com
dvc init --quiet
printf 'value: 0.1\n' > params.yaml
printf 'stages:\n  train:\n    cmd: echo trained > out\n    params: [value]\n    outs: [out]\n' > dvc.yaml
git add --all
git commit --quiet --message Start
for given in 0.00001 1:30 yes; do
  dvc exp run --quiet --set-param "value=$given"
  python - "$given" <<'END'
import sys
import yaml
from dvc.utils.serialize import load_yaml

dvc, pyyaml = load_yaml("params.yaml")["value"], yaml.safe_load(open("params.yaml"))["value"]
print(f"-S value={sys.argv[1]}: DVC reads {dvc!r}, PyYAML {pyyaml!r}")
assert (dvc, pyyaml) == {"0.00001": (1e-05, "1e-05"), "1:30": ("1:30", 90), "yes": ("yes", True)}[sys.argv[1]]
END
done

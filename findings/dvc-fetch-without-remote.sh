#!/usr/bin/env bash
# `dvc fetch` without a remote says "up to date" and exits with 0, whatever is missing.
#
# In a clone that has neither the data nor a remote, `dvc fetch` prints "Everything is up to date."
# and exits with 0, though not one file can be had. `dvc pull` exits with 1 there. So the exit code of
# `dvc fetch` says nothing about whether the data came.
#
# Seen with dvc 3.67.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check dvc==3.67.1
export PATH="$folder/env/bin:$PATH" DVC_NO_ANALYTICS=1 HOME="$folder"
mkdir "$folder/project"
cd "$folder/project"
git init --quiet --initial-branch main
git config user.name Tester
git config user.email tester@users.noreply.github.com
dvc init --quiet
printf 'a,b\n1,2\n' > data.csv
dvc add --quiet data.csv
git add --all
git commit --quiet --message Data
git clone --quiet . ../clone
cd ../clone
test ! -e data.csv
output=$(dvc fetch 2>&1) && code=0 || code=$?
echo "dvc fetch exits with $code: $output"
[[ $code == 0 && $output == *"up to date"* ]]
dvc pull >/dev/null 2>&1 && code=0 || code=$?
echo "dvc pull exits with $code"
[[ $code != 0 ]]

#!/usr/bin/env bash
# `dvc metrics diff` exits with 0 when the metrics to compare with cannot be read.
#
# Metrics that DVC caches are not in git. Where the cache does not hold those of the base revision,
# `dvc metrics diff BASE` shows no old value and exits with 0, as if a new metric had been added. A
# script that compares `old` and `new` by this command must check for the missing one itself.
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
printf 'sed "s/.*: \\(.*\\)/{\\"score\\": \\1}/" params.yaml > metrics.json\n' > score.sh
printf 'stages:\n  score:\n    cmd: sh score.sh\n    params: [score]\n    metrics: [metrics.json]\n' > dvc.yaml
for score in 0.7 0.6; do
  printf 'score: %s\n' "$score" > params.yaml
  dvc repro --quiet
  git add --all
  git commit --quiet --message "Score $score"
done
old=$(git show HEAD~1:dvc.lock | sed -n 's/.*md5: //p' | tail -1)
dvc metrics diff HEAD~1 --json
rm -f ".dvc/cache/files/md5/${old:0:2}/${old:2}"
output=$(dvc metrics diff HEAD~1 --json 2>/dev/null) && code=0 || code=$?
echo "without the cached base, exit code $code: $output"
python - "$code" "$output" <<'END'
import json
import sys

change = json.loads(sys.argv[2]).get("diff", json.loads(sys.argv[2]))["metrics.json"]["score"]
assert sys.argv[1] == "0" and change["new"] == 0.6 and change.get("old") is None, change
END

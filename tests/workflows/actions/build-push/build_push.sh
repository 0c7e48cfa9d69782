set -euo pipefail
options=()
while IFS= read -r line; do
  if [[ $line ]]; then options+=(--build-arg "$line"); fi
done <<<"$ARGS"
docker build --quiet "${options[@]}" --tag "$TAG" "$CONTEXT"
docker push --quiet "$TAG"
digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$TAG")
echo "digest=${digest#*@}" >>"$GITHUB_OUTPUT"
docker image rm "$TAG" >/dev/null # the next job has another machine

set -euo pipefail
options=()
while IFS= read -r line; do
  if [[ $line ]]; then options+=(--build-arg "$line"); fi
done <<<"$ARGS"
# The engine's own builder has other words for what Buildx calls type=registry,ref= and type=inline.
if [[ $CACHE_FROM ]]; then options+=(--cache-from "${CACHE_FROM#type=registry,ref=}"); fi
if [[ $CACHE_TO = type=inline ]]; then options+=(--build-arg BUILDKIT_INLINE_CACHE=1); fi
DOCKER_BUILDKIT=1 docker build --progress plain "${options[@]}" --tag "$TAG" "$CONTEXT"
docker push --quiet "$TAG"
digest=$(docker image inspect --format '{{index .RepoDigests 0}}' "$TAG")
echo "digest=${digest#*@}" >>"$GITHUB_OUTPUT"
docker image rm "$TAG" >/dev/null # the next job has another machine

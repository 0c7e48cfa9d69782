# What actions/checkout does: an empty repository, one fetch with the token in a header, all tags
# only with the whole history, a detached HEAD for a pull request, a branch for a branch.
set -euo pipefail
login=$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)
header=http.$GITHUB_SERVER_URL/.extraheader
git init --quiet --initial-branch=main .
git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
git config --local "$header" "AUTHORIZATION: basic $login"
depth=(--no-tags --depth="$DEPTH")
if [[ $DEPTH == 0 ]]; then depth=(--tags '+refs/heads/*:refs/remotes/origin/*'); fi
ref=${REF:-$GITHUB_REF}
[[ $ref == refs/* || $ref =~ ^[0-9a-f]{40}$ ]] || ref=refs/heads/$ref
name=${ref#refs/heads/}
git fetch --quiet origin "${depth[@]:0:2}" "+$ref:refs/remotes/origin/${name#refs/}" ${depth[2]:-}
if [[ $ref == refs/heads/* ]]; then
  git checkout --quiet --force -B "$name" "refs/remotes/origin/$name"
else
  git checkout --quiet --force --detach "refs/remotes/origin/${name#refs/}"
fi
if [[ $PERSIST != true ]]; then git config --local --unset "$header"; fi
git log -1 --format='checked out %H'

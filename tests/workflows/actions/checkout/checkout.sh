# What actions/checkout does: an empty repository, one fetch with the token in a header, all tags
# only with the whole history, a detached HEAD for a pull request, a branch for a branch; the commit
# of the event where no other is asked for, also when its branch has moved on.
set -euo pipefail
login=$(printf 'x-access-token:%s' "$TOKEN" | base64 -w0)
header=http.$GITHUB_SERVER_URL/.extraheader
git init --quiet --initial-branch=main .
git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
git config --local "$header" "AUTHORIZATION: basic $login"
ref=${REF:-$GITHUB_REF}
[[ $ref == refs/* || $ref =~ ^[0-9a-f]{40}$ ]] || ref=refs/heads/$ref
name=${ref#refs/heads/}
commit=$GITHUB_SHA
if [[ $REF ]]; then commit=$ref; fi
wanted=+$commit:refs/remotes/origin/${name#refs/}
depth=(--no-tags --depth="$DEPTH")
if [[ $DEPTH == 0 ]]; then
  git fetch --quiet origin --tags '+refs/heads/*:refs/remotes/origin/*'
  depth=()
fi
git fetch --quiet origin "${depth[@]}" "$wanted"
if [[ $ref == refs/heads/* ]]; then
  git checkout --quiet --force -B "$name" "refs/remotes/origin/$name"
else
  git checkout --quiet --force --detach "refs/remotes/origin/${name#refs/}"
fi
if [[ $PERSIST != true ]]; then git config --local --unset "$header"; fi
git log -1 --format='checked out %H'

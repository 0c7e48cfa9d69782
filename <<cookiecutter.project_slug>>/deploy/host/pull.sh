#!/bin/sh
# Let this host run what the image's tag `production` names: once, or every N seconds (pull.sh N).
# The running version is stopped only after the new one is healthy. If that does not become healthy, it stays.
set -u
cd "$(dirname "$0")" || exit
export IMAGE="${IMAGE:-ghcr.io/<<cookiecutter.github_owner|lower>>/<<cookiecutter.project_slug>>}"
refused=notes/refused
repository="${REPOSITORY:-<<cookiecutter.github_owner>>/<<cookiecutter.project_slug>>}"
unhealthy='did not become healthy'

compose() { docker compose --progress quiet "$@"; }
say() { echo "pull: $*"; }

follow() {
  mkdir -p notes
  DIGEST=$(docker pull "$IMAGE:production" | sed -n 's/^Digest: //p')
  export DIGEST
  [ -n "$DIGEST" ] || { say "no answer for $IMAGE:production; the running version stays"; return 1; }
  current='' old='' free='' sick=''
  for colour in green blue; do
    id=$(compose ps --quiet "$colour")
    [ -n "$id" ] || { free=$colour; continue; }
    case $(docker inspect --format '{{.State.Health.Status}} {{.Config.Image}}' "$id") in
      "healthy $IMAGE@$DIGEST") current=$colour ;;
      healthy*) old="$old $colour" ;;
      *) sick="$sick $colour" ;;
    esac
  done

  if [ -z "$current" ]; then
    grep -qs "$DIGEST $unhealthy" "$refused" && return 1
    verify || return 1
  fi
  compose up --detach --no-recreate --quiet-pull address || return
  if [ -z "$current" ]; then
    for current in $old $sick $free; do :; done # the last: a free one where there is one, else an unhealthy one
    compose up --detach --wait --no-deps "$current" || { refuse "$current"; return 1; }
    say "$DIGEST runs"
  fi
  rm -f "$refused"
  for colour in $old $sick; do
    [ "$colour" = "$current" ] || compose rm --stop --force "$colour" >/dev/null
  done
}

# With VERIFY_IMAGE=true, no container of an image starts that the workflow release did not sign.
verify() {
  case ${VERIFY_IMAGE:-false} in false) return 0 ;; esac
  signer="https://github.com/$repository/.github/workflows/release.yml@refs/heads/main"
  # The signature lies beside the image, so any token will do; without one, gh asks for a login.
  found=$(GH_TOKEN="${GH_TOKEN:-none}" gh attestation verify "oci://$IMAGE@$DIGEST" --bundle-from-oci \
    --repo "$repository" --cert-identity "$signer" \
    --format json --jq '.[].verificationResult.signature.certificate.buildSignerURI' 2>&1) &&
    echo "$found" | grep -qxF "$signer" && return 0
  note="$DIGEST is not signed by $signer, so it is not started: $(echo "$found" | tail -n 1)"
  grep -qsxF "pull: $note" "$refused" || say "$note" | tee "$refused" # once; it is tried again
  return 1
}

refuse() {
  compose logs --no-color --no-log-prefix --tail 5 "$1"
  compose rm --stop --force "$1" >/dev/null
  say "$DIGEST $unhealthy, so the previous version stays" | tee "$refused"
}

[ $# -gt 0 ] || { follow; exit; }
while :; do
  follow
  sleep "$1"
done

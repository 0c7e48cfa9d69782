#!/bin/sh
# Let this host run what the image's tag `production` names: once, or every N seconds (pull.sh N).
# The running version is stopped only after the new one is healthy. If that does not become healthy, it stays.
set -u
cd "$(dirname "$0")" || exit
export IMAGE="${IMAGE:-ghcr.io/<<cookiecutter.github_owner|lower>>/<<cookiecutter.project_slug>>}"
refused=notes/refused

compose() { docker compose --progress quiet "$@"; }
say() { echo "pull: $*"; }

follow() {
  mkdir -p notes
  DIGEST=$(docker pull "$IMAGE:production" | sed -n 's/^Digest: //p')
  export DIGEST
  [ -n "$DIGEST" ] || { say "no answer for $IMAGE:production; the running version stays"; return 1; }
  compose up --detach --no-recreate --quiet-pull address || return

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
    grep -qs "$DIGEST" "$refused" && return 1
    for current in $old $sick $free; do :; done # the last: a free one where there is one, else an unhealthy one
    compose up --detach --wait --no-deps "$current" || { refuse "$current"; return 1; }
    say "$DIGEST runs"
  fi
  rm -f "$refused"
  for colour in $old $sick; do
    [ "$colour" = "$current" ] || compose rm --stop --force "$colour" >/dev/null
  done
}

refuse() {
  compose logs --no-color --no-log-prefix --tail 5 "$1"
  compose rm --stop --force "$1" >/dev/null
  say "$DIGEST did not become healthy, so the previous version stays" | tee "$refused"
}

[ $# -gt 0 ] || { follow; exit; }
while :; do
  follow
  sleep "$1"
done

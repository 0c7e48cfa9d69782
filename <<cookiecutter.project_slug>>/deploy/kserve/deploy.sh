#!/bin/sh
# Bring an image into the InferenceService. Not run by the template's tests: its manifests are validated, see README.md.
#
#     deploy.sh stable sha256:DIGEST            all traffic
#     deploy.sh canary sha256:DIGEST PERCENT    beside the stable one; 0: without traffic
#     deploy.sh promote sha256:DIGEST           the canary of this image becomes the stable one
#     deploy.sh undo                            no canary
set -eu
cd "$(dirname "$0")"
name='<<cookiecutter.project_slug>>'

usage() {
  sed -n 's/^#     //p' "$0" >&2
  exit 64
}

filled() {
  sed -e "/^#/d" -e "s#DIGEST#$digest#g" -e "s#VARIANT#v-$(echo "$digest" | cut -c 8-19)#" -e "s#PERCENT#${percent:-0}#" "$1"
}

patch() { kubectl patch inferenceservice "$name" --type merge --patch "$1"; }

digest=${2:-} percent=${3:-}
case ${1:-} in undo) patch '{"spec": {"canary": null}}'; exit ;; esac
echo "$digest" | grep -Eqx 'sha256:[0-9a-f]{64}' || usage
case $1 in
  stable)
    kubectl apply --filename serving-runtime.yaml
    filled inference-service.yaml | kubectl apply --filename -
    ;;
  canary)
    [ "$percent" -ge 0 ] 2>/dev/null && [ "$percent" -le 100 ] || usage
    patch "$(filled canary.yaml)"
    ;;
  promote) patch "$(filled promote.yaml)" ;;
  *) usage ;;
esac

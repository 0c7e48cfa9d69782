#!/bin/sh
# Bring an image into the InferenceService; what fails does not replace what runs.
#
#     deploy.sh canary sha256:DIGEST    beside the stable one, without traffic
#     deploy.sh stable sha256:DIGEST    all traffic; the canary ends
#     deploy.sh undo                    no canary
#
# ROLLOUT_TIMEOUT (300s): when pods are late. Exit codes: 1 they were and the image before is back, 64 a wrong call.
set -eu
cd "$(dirname "$0")"
name='<<cookiecutter.project_slug>>'
image='ghcr.io/<<cookiecutter.github_owner|lower>>/<<cookiecutter.project_slug>>'

usage() {
  sed -n 's/^#     //p' "$0" >&2
  exit 64
}

filled() { sed -e "/^#/d" -e "s#@DIGEST#@$2#" -e "s#value: DIGEST#value: $2#" "$1"; }
patch() { kubectl patch inferenceservice "$name" --type merge --patch "$1"; }
no_canary() { patch '{"spec": {"canary": null}}'; }
runs() {
  kubectl get inferenceservice "$name" --ignore-not-found --output 'jsonpath={.spec.predictor.model.image}' | sed 's/.*@//'
}

# KServe's controller changes the Deployment a moment after the InferenceService.
rolled_out() {
  kubectl wait "deployment/$1" --for create --timeout 60s &&
    kubectl wait "deployment/$1" --for "jsonpath={.spec.template.spec.containers[0].image}=$image@$2" --timeout 60s &&
    kubectl rollout status "deployment/$1" --timeout "${ROLLOUT_TIMEOUT:-300s}"
}

stable() {
  filled inference-service.yaml "$1" | kubectl apply --filename - && rolled_out "$name-predictor" "$1"
}

failed() {
  echo "deploy: no pods of $digest were ready. $1 Next: kubectl describe pods --selector app=isvc.$2" >&2
  exit 1
}

digest=${2:-}
case ${1:-} in
  undo)
    filled inference-service.yaml "$(runs)" | kubectl apply --filename -
    no_canary # last: with the canary's minReplicas and without it, the autoscaler would add a pod
    exit
    ;;
esac
echo "$digest" | grep -Eqx 'sha256:[0-9a-f]{64}' || usage
case $1 in
  stable)
    kubectl apply --filename serving-runtime.yaml
    before=$(runs)
    if ! stable "$digest"; then
      case $before in "" | "$digest") failed "Nothing else ran before." "$name-predictor" ;; esac
      stable "$before" || failed "$before did not come back either." "$name-predictor"
      failed "$before is back." "$name-predictor"
    fi
    no_canary
    ;;
  canary)
    patch "$(filled canary.yaml "$digest")"
    rolled_out "$name-canary-predictor" "$digest" || failed "The stable one has all traffic." "$name-canary-predictor"
    ;;
  *) usage ;;
esac

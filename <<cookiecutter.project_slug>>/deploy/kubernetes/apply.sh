#!/bin/sh
# Apply the overlay `production`, with the image that runs already; the first time: apply.sh sha256:DIGEST
# `kubectl apply` alone would name the tag production, verified or not, in the place of what the follower chose.
set -eu
cd "$(dirname "$0")"
name='<<cookiecutter.project_slug>>'
image='ghcr.io/<<cookiecutter.github_owner|lower>>/<<cookiecutter.project_slug>>'
folder="${OVERLAY:-production}"

runs=$(kubectl get deployment "$name" --namespace "${NAMESPACE:-$name}" --ignore-not-found \
  --output 'jsonpath={.spec.template.spec.containers[?(@.name=="endpoint")].image}')
case ${1:-${runs##*@}} in
  sha256:*) digest=${1:-${runs##*@}} ;;
  *)
    echo "apply: nothing runs yet, so name the image to start with. Next: ./apply.sh sha256:DIGEST, of" \
      "'uv run loop registry show'" >&2
    exit 64
    ;;
esac

kubectl kustomize "$folder" |
  sed -e "s#image: \(.*\):production\$#image: \1@$digest#" -e "/name: IMAGE_DIGEST/{n;s#value: .*#value: $digest#}" |
  kubectl apply --filename -
echo "apply: $image@$digest"

# shellcheck shell=bash disable=SC2034 # what is not used here is used by those who source it
# Sourced by the scripts of this folder: which cluster, and how to talk to it without waiting for ever.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly CLUSTER=${CLUSTER:-cv-inference}
# A cluster that is there already, by its context, or kind's. Never the one that kubectl happens to have: these scripts
# change and delete things.
readonly CONTEXT=${CONTEXT:-kind-$CLUSTER}
readonly NAMESPACE=cv-inference
readonly OVERLAY=k8s/overlays/local
readonly NODE_PORT=30080
readonly GOLDEN=service/models/digits/golden/7-blocks.png
readonly OUT=${OUT:-loadtest/results}
# Between the first two attempts; then twice as long each time, up to MAX_RETRY_DELAY_S.
readonly RETRY_DELAY_S=${RETRY_DELAY_S:-2}
readonly MAX_RETRY_DELAY_S=30
readonly KUBECTL_LIMIT_S=900

# To stderr: what a script prints is its result.
say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$(basename "$0"): $*"
  exit 1
}

# need TOOL...
need() {
  local tool missing=()
  for tool; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  ((${#missing[@]} == 0)) || fail "needs ${missing[*]}"
}

# limit SECONDS COMMAND...: macOS has no timeout of its own; there the person is the limit.
limit() {
  if command -v timeout >/dev/null; then
    timeout --foreground "$@"
  else
    shift
    "$@"
  fi
}

kube() { limit "$KUBECTL_LIMIT_S" kubectl --context "$CONTEXT" "$@"; }
in_namespace() { kube --namespace "$NAMESPACE" "$@"; }

# retry ATTEMPTS COMMAND...: until it succeeds. errexit is off inside: a function must join its commands by &&.
retry() {
  local attempts=$1 attempt status delay=$RETRY_DELAY_S
  shift
  for ((attempt = 1; ; attempt++)); do
    status=0
    "$@" || status=$?
    ((status != 0)) || return 0
    if ((attempt >= attempts)); then
      say "given up after $attempts attempts: $*"
      return "$status"
    fi
    say "attempt $attempt of $attempts failed, the next in $delay s: $*"
    sleep "$delay"
    delay=$((delay * 2 > MAX_RETRY_DELAY_S ? MAX_RETRY_DELAY_S : delay * 2))
  done
}

is_kind() { [[ $CONTEXT == "kind-$CLUSTER" ]]; }
cluster_exists() { limit 60 kind get clusters 2>/dev/null | grep -xF "$CLUSTER" >/dev/null; }
need_cluster() { ! is_kind || cluster_exists || fail "there is no cluster $CLUSTER: loadtest/cluster/create.sh makes it"; }

# Where this machine reaches the service.
target() {
  local node=127.0.0.1
  is_kind || node=$(kube get nodes --output 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')
  echo "${TARGET:-http://$node:$NODE_PORT}"
}

# platform APPLICATION FIELD: what Argo CD installs elsewhere, so that versions are written once.
platform() {
  local value
  value=$(sed -n "s/^ *$2: *//p" "argocd/platform/$1.yaml" | head -n 1)
  [[ -n $value ]] || fail "argocd/platform/$1.yaml names no $2"
  echo "$value"
}

# source_of APPLICATION: as kustomize takes it.
source_of() { echo "$(platform "$1" repoURL)//$(platform "$1" path)?ref=$(platform "$1" targetRevision)"; }

# render IMAGE: the overlay's manifests with that image.
render() { limit 60 kubectl kustomize "$OVERLAY" | sed "s|image: cv-inference:local\$|image: $1|"; }

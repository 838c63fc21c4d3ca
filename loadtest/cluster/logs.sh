#!/usr/bin/env bash
# Everything about the cluster that helps to see what went wrong, into OUT/cluster. Secrets are left out. Takes what it can get.
set -euo pipefail
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "$0")/cluster.sh"
need kubectl

folder=$OUT/cluster
mkdir -p "$folder"
# keep FILE COMMAND...
keep() {
  local file=$folder/$1
  shift
  limit 60 "$@" >"$file" 2>&1 || say "not to be had: $*"
}

keep nodes.txt kubectl --context "$CONTEXT" describe nodes
keep objects.txt kubectl --context "$CONTEXT" get all,hpa,pdb,networkpolicies,endpointslices --all-namespaces --output wide
keep events.txt kubectl --context "$CONTEXT" get events --all-namespaces --sort-by .lastTimestamp
keep pods.txt kubectl --context "$CONTEXT" --namespace "$NAMESPACE" describe pods
keep top.txt kubectl --context "$CONTEXT" top pods --all-namespaces
keep applications.yaml kubectl --context "$CONTEXT" --namespace argocd get applications --output yaml
if is_kind; then limit 180 kind export logs "$folder/nodes" --name "$CLUSTER" >&2 || say 'not to be had: the logs of the nodes'; fi
say "see $folder"

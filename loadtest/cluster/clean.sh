#!/usr/bin/env bash
# Removes the cluster with all that is in it. The image and the reports stay.
set -euo pipefail
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "$0")/cluster.sh"
need docker kind
is_kind || fail "not mine to remove: $CONTEXT"

if cluster_exists; then
  limit 300 kind delete cluster --name "$CLUSTER"
else
  say "there is no cluster $CLUSTER"
fi

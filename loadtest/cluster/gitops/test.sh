#!/usr/bin/env bash
# What Argo CD has deployed answers rightly, and the autoscaler may scale it: Argo CD leaves the replicas alone.
set -euo pipefail
# shellcheck source=loadtest/cluster/gitops/argocd.sh
source "$(dirname "$0")/argocd.sh"
need kubectl docker curl
begin_record
readonly HOLD_S=${HOLD_S:-60}

replicas() { in_namespace get deployment cv-inference --output 'jsonpath={.spec.replicas}'; }
wanted() { in_namespace get horizontalpodautoscaler cv-inference --output 'jsonpath={.status.desiredReplicas}'; }
least() { in_namespace get horizontalpodautoscaler cv-inference --output 'jsonpath={.spec.minReplicas}'; }
is_scaled() { (($(replicas) > minimum)); }
are_left_alone() {
  local until=$((SECONDS + HOLD_S))
  while ((SECONDS < until)); do
    if ! is_scaled || ! is_synced; then
      say "$(replicas) replicas, $(application '{.status.sync.status}')"
      return 1
    fi
    sleep 5
  done
}

loadtest/cluster/validate.sh
loadtest/cluster/loadtest.sh smoke
minimum=$(least)

# More than two pods can do with 70 % of what they ask for. Whether the gates are kept is not what is asked here.
env RATE="${RATE:-250}" VUS=200 DURATION=240s OUT="$OUT/load" loadtest/cluster/loadtest.sh steady >&2 &
load=$!
trap 'kill "$load" 2>/dev/null || true' EXIT
demonstrate 'the autoscaler adds pods under load' 200 is_scaled
refresh
are_left_alone || fail 'Argo CD and the autoscaler fight over the replicas'
printf 'Argo CD leaves its %s replicas alone\tyes\t%s\n' "$(replicas)" "$HOLD_S" >>"$record"
status=0
wait "$load" || status=$?
((status == 0 || status == 99)) || fail 'the load broke off'

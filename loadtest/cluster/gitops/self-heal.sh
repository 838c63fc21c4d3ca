#!/usr/bin/env bash
# Changes by hand what Git sets, and measures how long it takes to come back.
set -euo pipefail
# shellcheck source=loadtest/cluster/gitops/argocd.sh
source "$(dirname "$0")/argocd.sh"
need kubectl
begin_record
readonly LIMIT_S=120

min_ready() { in_namespace get deployment cv-inference --output 'jsonpath={.spec.minReadySeconds}'; }
has_min_ready() { [[ $(min_ready) == "$1" ]] && is_synced; }
service() { in_namespace get service cv-inference --ignore-not-found --output 'jsonpath={.metadata.uid}'; }
has_another_service() {
  local now
  now=$(service)
  [[ -n $now && $now != "$1" ]] && is_synced
}

is_synced || fail 'the application is not in sync before anything was changed'
before=$(min_ready)
# The answer of the API server itself, since what is asked afterwards may have been healed already.
changed=$(in_namespace patch deployment cv-inference --type merge --patch '{"spec":{"minReadySeconds":99}}' \
  --output 'jsonpath={.spec.minReadySeconds}')
[[ $changed == 99 && $before != 99 ]] || fail "minReadySeconds was $before and is $changed: nothing was changed"
demonstrate "minReadySeconds, set to 99 by hand, is $before again" "$LIMIT_S" has_min_ready "$before"

before=$(service)
in_namespace delete service cv-inference --wait >&2
demonstrate 'the Service, deleted by hand, is there again' "$LIMIT_S" has_another_service "$before"
loadtest/cluster/validate.sh

#!/usr/bin/env bash
# Drift where self-heal is off: Argo CD sees it, OUT/drift.md says what it is, and self-heal takes it away.
set -euo pipefail
# shellcheck source=loadtest/cluster/gitops/argocd.sh
source "$(dirname "$0")/argocd.sh"
need kubectl
begin_record
readonly LIMIT_S=180
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

self_heal() { argo patch application "$APPLICATION" --type merge --patch "{\"spec\":{\"syncPolicy\":{\"automated\":{\"selfHeal\":$1}}}}" >&2; }
drifted() { application '{range .status.resources[?(@.status=="OutOfSync")]}{.kind}/{.name}{"\n"}{end}'; }
sees() { [[ $(drifted | sort | tr '\n' ' ') == "$1" ]]; }

# The Job is a hook: it comes and goes.
differences() {
  local status=0
  render "$(application '{.spec.source.kustomize.images[0]}' | sed 's/.*=//')" >"$work/manifests.yaml"
  kube diff --server-side --force-conflicts --filename "$work/manifests.yaml" \
    --selector 'app.kubernetes.io/name!=s3-local-upload' || status=$?
  # 1: there are differences.
  ((status <= 1)) || fail "kubectl diff ended with $status"
}

report() {
  printf '## Drift\n\nChanged by hand, as Argo CD sees it:\n\n'
  # shellcheck disable=SC2016 # Markdown
  drifted | sed 's/.*/- `&`/'
  # shellcheck disable=SC2016 # Markdown
  printf '\nWhat Git would change back:\n\n```diff\n'
  differences | grep -E '^[-+@ ]' | sed -E 's#^(---|[+]{3}) ([^[:space:]]*/)?([^[:space:]]*).*#\1 \3#'
  # shellcheck disable=SC2016 # Markdown
  printf '```\n'
}

is_synced || fail 'the application is not in sync before anything was changed'
self_heal false
in_namespace patch deployment cv-inference --type merge --patch '{"spec":{"minReadySeconds":99}}' >&2
in_namespace patch poddisruptionbudget cv-inference --type merge --patch '{"spec":{"maxUnavailable":0}}' >&2
refresh
demonstrate 'Argo CD sees what was changed by hand, and nothing else' "$LIMIT_S" \
  sees 'Deployment/cv-inference PodDisruptionBudget/cv-inference '
report | tee "$OUT/drift.md"
grep -q '^-.*minReadySeconds: 99' "$OUT/drift.md" || fail 'the report does not show what was changed'
self_heal true
refresh
demonstrate 'self-heal, turned on again, takes it away' "$LIMIT_S" is_synced

#!/usr/bin/env bash
# Deployment and rollback by commits alone: one that changes a setting, and its revert.
set -euo pipefail
# shellcheck source=loadtest/cluster/gitops/argocd.sh
source "$(dirname "$0")/argocd.sh"
need kubectl git
begin_record
readonly LIMIT_S=300
work=$(mktemp -d)
trap 'git worktree remove --force "$work/tree" 2>/dev/null || true; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/tree" HEAD

commit_as_demo() { git -C "$work/tree" -c user.name=gitops-demo -c user.email=gitops-demo@localhost "$@"; }
tip() { git -C "$work/tree" rev-parse HEAD; }
log_level() { in_namespace exec deployment/cv-inference -- node -p 'process.env.LOG_LEVEL ?? "unset"'; }
deployed() { runs "$(tip)" && in_namespace rollout status deployment/cv-inference --timeout=1s >/dev/null 2>&1; }
deployed_with() { deployed && [[ $(log_level) == "$1" ]]; }

echo 'LOG_LEVEL=debug' >>"$work/tree/k8s/base/config.env"
commit_as_demo commit --quiet --all --message 'Log more'
push HEAD "$work/tree"
refresh
demonstrate 'a commit with a changed setting is served by new pods' "$LIMIT_S" deployed_with debug

commit_as_demo revert --no-edit HEAD >&2
push HEAD "$work/tree"
refresh
demonstrate 'its revert brings back what was before' "$LIMIT_S" deployed_with unset

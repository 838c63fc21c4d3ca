# shellcheck shell=bash disable=SC2034 # what is not used here is used by those who source it
# Sourced by the scripts beside it: the application that Argo CD keeps, its commits, and the record of what was seen.
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "${BASH_SOURCE[0]}")/../cluster.sh"

readonly APPLICATION=cv-inference-demo
readonly REPOSITORY=/srv/git/cv-inference.git
record=$OUT/gitops-$(basename "$0" .sh).tsv

argo() { kube --namespace argocd "$@"; }
# application JSONPATH
application() { argo get application "$APPLICATION" --output "jsonpath=$1"; }
refresh() { argo annotate application "$APPLICATION" argocd.argoproj.io/refresh=normal --overwrite >&2; }
is_synced() { [[ $(application '{.status.sync.status}') == Synced ]]; }
# runs COMMIT: as Git has it, and well.
runs() {
  [[ $(application '{.status.sync.status} {.status.sync.revision} {.status.operationState.phase} {.status.health.status}') == \
    "Synced $1 Succeeded Healthy" ]]
}

# push COMMIT FOLDER: as main of the Git server in the cluster. kubectl carries the objects, so nobody else can write.
push() {
  git -C "$2" -c protocol.ext.allow=always push --quiet --force \
    "ext::kubectl --context $CONTEXT --namespace git exec --stdin deployment/git -- %S $REPOSITORY" "$1:refs/heads/main"
}

# seconds_until LIMIT_S COMMAND...: looks every second; prints how long it took.
seconds_until() {
  local most=$1 started=$SECONDS
  shift
  until "$@"; do
    ((SECONDS - started < most)) || return 1
    sleep 1
  done
  echo $((SECONDS - started))
}

begin_record() {
  mkdir -p "$OUT"
  : >"$record"
}

# demonstrate WHAT LIMIT_S COMMAND...: comes true within the limit, or the script ends. Into the record either way.
demonstrate() {
  local what=$1 most=$2 seconds
  shift 2
  if seconds=$(seconds_until "$most" "$@"); then
    printf '%s\tyes\t%s\n' "$what" "$seconds" >>"$record"
    say "ok    $what: after $seconds s"
  else
    printf '%s\tno\t%s\n' "$what" "$most" >>"$record"
    fail "$what: not within $most s"
  fi
}

#!/usr/bin/env bash
# A kind cluster by loadtest/kind-cluster.yaml with metrics-server, in the version of argocd/platform. What is there already
# stays.
set -euo pipefail
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "$0")/cluster.sh"
need docker kind kubectl git
is_kind || fail "CONTEXT names a cluster that is there already: $CONTEXT"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

create() { limit 600 kind create cluster --name "$CLUSTER" --config loadtest/kind-cluster.yaml --wait 3m; }

# The patch is that of argocd/kind: kubelets of kind sign their own certificates.
install_metrics_server() {
  kube apply --server-side --force-conflicts --kustomize "$work" &&
    kube --namespace kube-system rollout status deployment/metrics-server --timeout=5m
}

if cluster_exists; then
  say "cluster $CLUSTER is there already"
  limit 60 kind export kubeconfig --name "$CLUSTER"
else
  retry 2 create
fi
retry 5 kube get --raw /readyz >/dev/null || fail "cluster $CLUSTER does not answer; loadtest/cluster/clean.sh removes it"

cat >"$work/kustomization.yaml" <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - $(source_of metrics-server)
patches:
  - target: { kind: Deployment, name: metrics-server }
    patch: |-
      - op: add
        path: /spec/template/spec/containers/0/args/-
        value: --kubelet-insecure-tls
END
retry 4 install_metrics_server
say "cluster $CLUSTER is ready: kubectl --context $CONTEXT get nodes"

#!/usr/bin/env bash
# Argo CD by argocd/install, a Git server in the cluster with HEAD on it, and an application that deploys it from there.
# For a cluster of create.sh, in place of deploy.sh.
set -euo pipefail
# shellcheck source=loadtest/cluster/gitops/argocd.sh
source "$(dirname "$0")/argocd.sh"
need docker kind kubectl git
need_cluster
[[ $(git rev-parse --is-shallow-repository) == false ]] || fail 'needs the whole history: git fetch --unshallow'
git diff --quiet HEAD || say 'what is not committed is in the image, but not in what Argo CD deploys'
begin_record
commit=$(git rev-parse HEAD)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

apply_argocd() { kube apply --server-side --force-conflicts --kustomize argocd/install; }

image=$(loadtest/cluster/image.sh)
retry 4 apply_argocd
argo wait --for=condition=Available --timeout=10m deployment --all
argo rollout status statefulset/argocd-application-controller --timeout=5m

limit 60 kubectl kustomize --load-restrictor LoadRestrictionsNone loadtest/cluster/gitops |
  sed "s|=cv-inference:local\$|=$image|" >"$work/manifests.yaml"
grep -qF "=$image" "$work/manifests.yaml" || fail 'the application names no image'
kube apply --server-side --force-conflicts --filename loadtest/cluster/gitops/git-server.yaml
kube --namespace git rollout status deployment/git --timeout=3m
retry 4 push "$commit" .
kube apply --server-side --force-conflicts --filename "$work/manifests.yaml"
refresh
demonstrate "Argo CD deploys ${commit:0:7} from nothing" 900 runs "$commit"

#!/usr/bin/env bash
# Builds the image (or takes IMAGE), applies k8s/overlays/local and waits until everything in it runs.
set -euo pipefail
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "$0")/cluster.sh"
need kubectl
need_cluster

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

image=$(loadtest/cluster/image.sh)
render "$image" >"$work/manifests.yaml"
grep -qF "image: $image" "$work/manifests.yaml" || fail "$OVERLAY does not run cv-inference:local"

# A Job cannot be changed, so it is made anew.
apply() {
  in_namespace delete job s3-local-upload --ignore-not-found --timeout=2m &&
    kube apply --server-side --force-conflicts --filename "$work/manifests.yaml"
}

retry 4 apply
in_namespace wait --for=condition=Complete --timeout=5m job/s3-local-upload
in_namespace rollout status deployment/cv-inference --timeout=5m
say "$image runs: curl -F file=@$GOLDEN $(target)/predict"

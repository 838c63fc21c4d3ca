#!/usr/bin/env bash
# Builds the image (or takes IMAGE), applies k8s/overlays/local and waits until everything in it runs.
set -euo pipefail
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "$0")/cluster.sh"
need docker kind kubectl
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
workloads=$(in_namespace get deployment,statefulset --selector app.kubernetes.io/part-of=cv-inference --output name)
[[ $workloads == *deployment.apps/cv-inference* ]] || fail "there is no deployment cv-inference among: $workloads"
for workload in $workloads; do
  in_namespace rollout status "$workload" --timeout=5m
done
in_namespace wait --for=condition=Programmed --timeout=3m gateway/cv-inference
say "$image runs: curl -F file=@$GOLDEN http://127.0.0.1:$GATEWAY_PORT/predict -H 'Host: $ROUTE_HOST'"

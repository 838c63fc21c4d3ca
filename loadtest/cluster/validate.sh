#!/usr/bin/env bash
# Looks at the cluster as its users will: nodes, DNS, endpoints, autoscaler and answers. Each look is repeated, with
# backoff, for about two minutes.
set -euo pipefail
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "$0")/cluster.sh"
need kubectl curl
readonly ATTEMPTS=8
# The autoscaler's least.
readonly MIN_ENDPOINTS=2
# shellcheck disable=SC2016 # JavaScript
readonly RESOLVE='
  const [name, expected] = process.argv.slice(1);
  require("dns").lookup(name, (error, address) => {
    if (error) throw error;
    if (address !== expected) throw new Error(`${name} is ${address}, not ${expected}`);
  });'
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

ready_endpoints() {
  in_namespace get endpointslices --selector kubernetes.io/service-name=cv-inference \
    --output 'jsonpath={range .items[*].endpoints[?(@.conditions.ready==true)]}{.addresses[0]}{"\n"}{end}'
}

nodes() {
  local wanted found
  wanted=1
  if is_kind; then wanted=$(grep -c '^  - role: ' loadtest/kind-cluster.yaml); fi
  found=$(kube get nodes --output name | wc -l) &&
    { ((found >= wanted)) || { say "$found nodes, not $wanted"; return 1; }; } &&
    kube wait --for=condition=Ready --timeout=30s nodes --all
}

dns() {
  local address
  address=$(in_namespace get service cv-inference --output 'jsonpath={.spec.clusterIP}') &&
    [[ -n $address ]] &&
    in_namespace exec deployment/cv-inference -- node -e "$RESOLVE" "cv-inference.$NAMESPACE.svc.cluster.local" "$address"
}

endpoints() {
  local found
  found=$(ready_endpoints | grep -c .) || true
  ((found >= MIN_ENDPOINTS)) || { say "$found endpoints are ready, not $MIN_ENDPOINTS"; return 1; }
}

autoscaler() {
  kube wait --for=condition=Available --timeout=30s apiservice/v1beta1.metrics.k8s.io &&
    in_namespace wait --for=condition=ScalingActive --timeout=30s horizontalpodautoscaler/cv-inference
}

# expect PATH CURL-OPTION...: answers 200; the body is left in $answer.
expect() {
  local path=$1 status
  shift
  status=$(curl --silent --show-error --max-time 10 --output "$answer" --write-out '%{http_code}' "$@" "$(target)$path") &&
    { [[ $status == 200 ]] || { say "$path: $status"; return 1; }; }
}

answers() {
  expect /model &&
    expect /predict --form "file=@$GOLDEN" &&
    { grep -q '"predictions":\[{"label":"7"' "$answer" || { say "not a seven: $(head -c 500 "$answer")"; return 1; }; }
}

for look in nodes dns endpoints autoscaler answers; do
  retry "$ATTEMPTS" "$look" >&2 || fail "$look: not as it should be"
  say "ok    $look"
done

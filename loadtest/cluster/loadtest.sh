#!/usr/bin/env bash
# loadtest.sh [SCENARIO...]: k6 in the network of the kind cluster, or here for another one; smoke and steady unless told
# otherwise.
# Settings: loadtest/README.md. Reports go to OUT. Ends with 99 where a gate was crossed, 1 where there is no result.
set -euo pipefail
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "$0")/cluster.sh"
if is_kind; then need docker; else need kubectl k6; fi
(($# > 0)) || set -- smoke steady
readonly LIMIT_S=3600
k6=grafana/k6:$(sed -n 's|.*go\.k6\.io/k6 v\([0-9.]*\).*|\1|p' .github/tests/tools/k6/go.mod)

mkdir -p "$OUT"
out=$(cd "$OUT" && pwd)
crossed=()
if is_kind; then retry 3 limit 600 docker pull --quiet "$k6" >&2; fi

run_k6() {
  if ! is_kind; then
    limit "$LIMIT_S" env TARGET="$(target)" OUT="$out" k6 run --no-usage-report "loadtest/k6/$1.js"
    return
  fi
  limit "$LIMIT_S" docker run --rm --network kind --user "$(id -u):$(id -g)" --read-only --cap-drop ALL \
    --volume "$PWD:/repository:ro" --volume "$out:/out" --workdir /repository \
    --env "TARGET=http://$CLUSTER-control-plane:$NODE_PORT" --env OUT=/out \
    --env RATE --env DURATION --env VUS --env TIMEOUT --env UPLOAD --env IMAGES --env API_KEY \
    "$k6" run --no-usage-report "loadtest/k6/$1.js"
}

for scenario; do
  [[ -f loadtest/k6/$scenario.js ]] || fail "there is no scenario $scenario"
  status=0
  run_k6 "$scenario" || status=$?
  case $status in
    0) ;;
    99) crossed+=("$scenario") ;;
    *) fail "$scenario: k6 ended with $status, there is no result" ;;
  esac
done
if ((${#crossed[@]} > 0)); then
  say "gates crossed: ${crossed[*]}"
  exit 99
fi

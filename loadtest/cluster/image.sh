#!/usr/bin/env bash
# Builds the image, or takes IMAGE, which docker has already, and loads it into the cluster. Prints its name there: the tag
# comes from the content, so that a changed image rolls out and the same one does not. A cluster that is no kind cluster
# has IMAGE already, or pulls it.
set -euo pipefail
# shellcheck source=loadtest/cluster/cluster.sh
source "$(dirname "$0")/cluster.sh"
if ! is_kind; then
  echo "${IMAGE:?: a cluster of yours runs an image that it can pull}"
  exit
fi
need docker kind

image=${IMAGE:-cv-inference:local}
if [[ -z ${IMAGE:-} ]]; then limit 1800 docker build --tag "$image" . >&2; fi
id=$(docker image inspect --format '{{.Id}}' "$image") || fail "docker has no image $image"
id=${id#sha256:}
reference=cv-inference:${id:0:12}
docker tag "$image" "$reference"
retry 3 limit 600 kind load docker-image "$reference" --name "$CLUSTER" >&2
echo "$reference"

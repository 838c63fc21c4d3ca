"""Ray Serve: one replica a core behind its HTTP proxy, raw bodies, run in the replica's own threads."""

import os
from signal import pause

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from classifier import Classifier

CORES = len(os.sched_getaffinity(0))


@serve.deployment(num_replicas=CORES, max_ongoing_requests=64, ray_actor_options={"num_cpus": 1})
class Classify:
    def __init__(self):
        self.classifier = Classifier(os.environ["MODEL"])

    async def __call__(self, request: Request) -> Response:
        return Response(self.classifier.classify(await request.body()), media_type="application/json")


if __name__ == "__main__":
    ray.init(num_cpus=CORES, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Classify.bind(), route_prefix="/predict")
    pause()

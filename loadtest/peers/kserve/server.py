"""KServe's Python server, protocol V1: a body that is no JSON reaches the model as it is; runs in threads."""

import os
from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor

import orjson
from kserve import Model, ModelServer

from classifier import Classifier

CORES = len(os.sched_getaffinity(0))


class Classify(Model):
    def __init__(self):
        super().__init__("classifier")
        self.classifier = Classifier(os.environ["MODEL"])
        self.pool = ThreadPoolExecutor(CORES, "classify")
        self.ready = True

    async def predict(self, payload, headers=None, response_headers=None):
        answer = await get_running_loop().run_in_executor(self.pool, self.classifier.classify, payload)
        return orjson.loads(answer)


if __name__ == "__main__":
    ModelServer(http_port=int(os.environ["PORT"]), workers=1, enable_grpc=False, access_log_format=None).start(
        [Classify()]
    )

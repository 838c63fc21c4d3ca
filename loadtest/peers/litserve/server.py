"""LitServe: one worker process a core, raw bodies, no batching (on a CPU it gains nothing here)."""

import os
from typing import Annotated

import litserve
import orjson
from fastapi import Body

from classifier import Classifier

Jpeg = Annotated[bytes, Body(media_type="image/jpeg")]


class ClassifyApi(litserve.LitAPI):
    def setup(self, device):
        self.classifier = Classifier(os.environ["MODEL"])

    def decode_request(self, request: Jpeg):
        return request

    def predict(self, body):
        return self.classifier.classify(body)

    def encode_response(self, answer):
        return orjson.loads(answer)


if __name__ == "__main__":
    server = litserve.LitServer(
        ClassifyApi(), accelerator="cpu", workers_per_device=len(os.sched_getaffinity(0)), fast_queue=False
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        generate_client_file=False,
        access_log=False,
        log_level="warning",
    )

"""MLServer: a custom handler that takes raw bodies, run in the threads of its one process."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

from fastapi import Request, Response
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.handlers import custom_handler

from classifier import Classifier

CORES = len(os.sched_getaffinity(0))


class Classify(MLModel):
    async def load(self) -> bool:
        self.classifier = Classifier(os.environ["MODEL"])
        self.pool = ThreadPoolExecutor(CORES, "classify")
        return True

    @custom_handler(rest_path="/predict")
    async def classify(self, request: Request) -> Response:
        body = await request.body()
        answer = await asyncio.get_running_loop().run_in_executor(self.pool, self.classifier.classify, body)
        return Response(answer, media_type="application/json")


async def main() -> None:
    port = int(os.environ["PORT"])
    settings = Settings(
        host="127.0.0.1", http_port=port, grpc_port=port + 1, metrics_port=port + 2, parallel_workers=0, debug=False
    )
    await MLServer(settings).start([ModelSettings(name="classifier", implementation=Classify)])


if __name__ == "__main__":
    asyncio.run(main())

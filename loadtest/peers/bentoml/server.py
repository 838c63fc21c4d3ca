"""BentoML: its own API server with ASGI routes mounted, which is its fastest way in; threads as in the FastAPI peer."""

import os
from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor

import bentoml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from classifier import Classifier

CORES = len(os.sched_getaffinity(0))
pool = ThreadPoolExecutor(CORES, "classify")
classifier = Classifier(os.environ["MODEL"])


async def predict(request: Request) -> Response:
    body = await request.body()
    answer = await get_running_loop().run_in_executor(pool, classifier.classify, body)
    return Response(answer, media_type="application/json")


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
@bentoml.asgi_app(Starlette(routes=[Route("/predict", predict, methods=["POST"])]), path="/")
class Classify:
    pass


if __name__ == "__main__":
    os.execvp(
        os.path.join(os.path.dirname(os.sys.executable), "bentoml"),
        ["bentoml", "serve", "server:Classify", "--host", "127.0.0.1", "--port", os.environ["PORT"]],
    )

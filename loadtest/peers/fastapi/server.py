"""The rival: FastAPI + ONNX Runtime image classification, tuned as far as we know how. See README.md."""

import gc
import os
from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import orjson
import uvicorn
from fastapi import FastAPI, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from classifier import Classifier, Undecodable

MODEL = os.environ.get("MODEL", "model.onnx")
CORES = len(os.sched_getaffinity(0))
# What takes the time (libjpeg-turbo, OpenCV, ONNX Runtime) releases the GIL: one process fills a few cores.
PROCESSES = int(os.environ.get("PROCESSES", str(-(-CORES // 8))))
THREADS = int(os.environ.get("THREADS", str(-(-CORES // PROCESSES))))
MAX_IN_FLIGHT = int(os.environ.get("MAX_IN_FLIGHT", "64"))


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.classifier = Classifier(MODEL)
    app.state.pool = ThreadPoolExecutor(THREADS, "classify")
    app.state.in_flight = 0
    gc.freeze()
    yield
    app.state.pool.shutdown()


async def read_image(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("multipart/"):
        return await request.body()
    async with request.form(max_files=1) as form:
        file = form.get("file")
        return await file.read() if isinstance(file, UploadFile) else b""


def json_response(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")


async def predict(request: Request) -> Response:
    state = request.app.state
    if state.in_flight >= MAX_IN_FLIGHT:
        return json_response(b'{"detail":"overloaded"}', 429)
    state.in_flight += 1
    try:
        body = await read_image(request)
        return json_response(await get_running_loop().run_in_executor(state.pool, state.classifier.classify, body))
    except Undecodable as fault:
        return json_response(orjson.dumps({"detail": str(fault)}), 422)
    finally:
        state.in_flight -= 1


async def health(_: Request) -> Response:
    return json_response(b'{"status":"ok"}')


app = FastAPI(lifespan=lifespan, openapi_url=None)
# Plain routes: FastAPI's parameter and response models cost time and validate nothing here.
app.add_route("/predict", predict, methods=["POST"])
app.add_route("/health", health)

if __name__ == "__main__":
    uvicorn.run(
        "server:app",
        port=int(os.environ.get("PORT", "8000")),
        workers=PROCESSES,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        date_header=False,
        server_header=False,
    )

"""From the bytes of an image to its five best classes. Nothing here knows HTTP; all of it runs in pool threads."""

import io
import os
import threading

import cv2
import numpy as np
import onnxruntime as ort
import orjson
import simplejpeg
from PIL import Image

SIZE = 224
# libjpeg-turbo may decode at 1/2, 1/4 or 1/8 as long as this many pixels remain each way; 0: always in full.
MIN_DECODED = SIZE if os.environ.get("SCALED_DECODE", "1") == "1" else 0
EXIF_ORIENTATION = 0x0112
TOP_K = 5
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
# (pixel / 255 - mean) / std as one multiplication and one addition.
GAIN = [1 / (255 * std) for std in STD]
OFFSET = [-mean / std for mean, std in zip(MEAN, STD)]

cv2.setNumThreads(1)


class Undecodable(ValueError):
    """The bytes are not an image that we can read."""


class Workspace(threading.local):
    """Buffers that a pool thread reuses from image to image."""

    def __init__(self):
        self.resized = np.empty((SIZE, SIZE, 3), np.uint8)
        self.planes = [np.empty((SIZE, SIZE), np.uint8) for _ in range(3)]
        self.tensor = np.empty((1, 3, SIZE, SIZE), np.float32)


def load_session(model: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def is_upright(jpeg: bytes) -> bool:
    if b"Exif\0\0" not in jpeg[:4096]:
        return True
    try:
        return Image.open(io.BytesIO(jpeg)).getexif().get(EXIF_ORIENTATION, 1) == 1
    except (OSError, SyntaxError, ValueError):
        return False


def decode(body: bytes) -> np.ndarray:
    """RGB pixels, the image upright. libjpeg-turbo directly, OpenCV for whatever it does not take."""
    if body[:2] == b"\xff\xd8" and is_upright(body):
        try:
            return simplejpeg.decode_jpeg(body, "RGB", min_height=MIN_DECODED, min_width=MIN_DECODED)
        except ValueError as fault:
            if "remature end" in str(fault):
                raise Undecodable("the image ends early") from fault
    pixels = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR_RGB) if body else None
    if pixels is None:
        raise Undecodable("not an image")
    return pixels


def to_tensor(pixels: np.ndarray, space: Workspace) -> np.ndarray:
    cv2.resize(pixels, (SIZE, SIZE), dst=space.resized, interpolation=cv2.INTER_LINEAR)
    cv2.split(space.resized, mv=space.planes)
    for plane, gain, offset, out in zip(space.planes, GAIN, OFFSET, space.tensor[0]):
        cv2.addWeighted(plane, gain, plane, 0, offset, dst=out, dtype=cv2.CV_32F)
    return space.tensor


def top_predictions(logits: np.ndarray) -> list[dict]:
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    best = np.argpartition(scores, -TOP_K)[-TOP_K:]
    best = best[np.argsort(scores[best])[::-1]]
    return [{"class_id": i, "label": f"LABEL_{i}", "score": s} for i, s in zip(best.tolist(), scores[best].tolist())]


class Classifier:
    """One session, shared by the threads that call it; each has its own buffers."""

    def __init__(self, model: str):
        self.session = load_session(model)
        self.input = self.session.get_inputs()[0].name
        self.output = [self.session.get_outputs()[0].name]
        self.space = Workspace()
        self.session.run(self.output, {self.input: np.zeros_like(self.space.tensor)})

    def classify(self, body: bytes) -> bytes:
        tensor = to_tensor(decode(body), self.space)
        logits = self.session.run(self.output, {self.input: tensor})[0][0]
        return orjson.dumps({"predictions": top_predictions(logits)})

"""Finds digits in images with the exported model, as the service does. Needs ONNX Runtime, not PyTorch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from preprocess import Preprocess
from session import open_session


@dataclass(frozen=True)
class Found:
    """Digits found in an image, best first: boxes [N, 4] corners in its pixels, labels [N] int, scores [N]."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def above(self, threshold: float) -> Found:
        """Those with at least this score."""
        sure = self.scores >= threshold
        return Found(self.boxes[sure], self.labels[sure], self.scores[sure])


class Finder:
    """The exported model between its preprocessing and the suppression of boxes that show the same digit."""

    def __init__(self, model: Path, preprocess: Preprocess, output: dict[str, Any]) -> None:
        if output['decoder'] != 'yolo' or not output['across_classes']:
            raise ValueError('only the decoder yolo, suppressed across classes, is implemented here')
        self.session = open_session(model)
        self.preprocess = preprocess
        self.iou: float = output['iou']
        self.most: int = output['max_detections']
        self.threshold: float = output['threshold']

    @classmethod
    def from_folder(cls, folder: Path) -> Finder:
        """The model of the model.json in `folder`."""
        manifest = json.loads((folder / 'model.json').read_text(encoding='utf-8'))
        return cls(folder / manifest['file'], Preprocess(manifest['input']), manifest['output'])

    def find(self, image: Image.Image, threshold: float | None = None) -> Found:
        """All digits from the threshold on; by default the manifest's."""
        (values,) = self.session.run(None, {'image': self.preprocess.tensor(image)})[0]
        boxes, classes = _corners(values[:4].T), values[4:]
        scores = classes.max(axis=0)
        sure = np.flatnonzero(scores >= (self.threshold if threshold is None else threshold))
        order = sure[np.argsort(-scores[sure], kind='stable')]
        kept = order[suppress(boxes[order], self.iou, self.most)]
        size = _upright(image)
        placed = self.preprocess.placement(size).to_image(boxes[kept].astype(np.float64), size)
        return Found(placed, classes[:, kept].argmax(axis=0), scores[kept])


def suppress(boxes: np.ndarray, iou: float, most: int) -> np.ndarray:
    """Indices of corners [N, 4], best first, that overlap no better one that is kept by more than `iou`."""
    kept: list[int] = []
    left = np.arange(len(boxes))
    while len(left) and len(kept) < most:
        best = left[0]
        kept.append(int(best))
        left = left[1:][overlap(boxes[best : best + 1], boxes[left[1:]])[0] <= iou]
    return np.array(kept, np.int64)


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union [N, M] of corners [N, 4] and [M, 4]; 0 for boxes without area."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(each[:, 2:] - each[:, :2]).prod(axis=1) for each in (one, other)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def _corners(boxes: np.ndarray) -> np.ndarray:
    """Centre and size [N, 4] to corners."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def _upright(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image as a person sees it."""
    lies = image.getexif().get(0x0112, 1) >= 5
    return image.size[::-1] if lies else image.size

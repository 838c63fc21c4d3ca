"""What the outputs of detectors mean, in numpy, from the papers and OpenCV's source: boxes in pixels of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Face:
    """Corners x_min, y_min, x_max, y_max; points [n, 2]."""

    score: float
    box: np.ndarray
    points: np.ndarray


def ultraface(outputs: dict[str, np.ndarray], width: int, height: int) -> list[Face]:
    """`scores` [1, n, 2] and `boxes` [1, n, 4] of 0..1; threshold 0.7, overlap 0.3."""
    scores = outputs['scores'][0, :, 1]
    boxes = np.clip(outputs['boxes'][0], 0, 1) * [width, height, width, height]
    kept = suppressed(scores, boxes, threshold=0.7, iou=0.3)
    return [Face(float(scores[at]), boxes[at], np.empty((0, 2))) for at in kept]


def yunet(outputs: dict[str, np.ndarray], side: int, ratio: np.ndarray, threshold: float) -> list[Face]:
    """cls, obj, bbox and kps at strides 8, 16 and 32; `ratio`: of the tensor to the image, across and down."""
    faces = [part for stride in (8, 16, 32) for part in _cells(outputs, stride, side)]
    scores = np.array([face.score for face in faces])
    boxes = np.stack([face.box for face in faces])
    kept = suppressed(scores, boxes, threshold=threshold, iou=0.3)
    return [Face(faces[at].score, faces[at].box / [*ratio, *ratio], faces[at].points / ratio) for at in kept]


def _cells(outputs: dict[str, np.ndarray], stride: int, side: int) -> list[Face]:
    kinds = ('cls', 'obj', 'bbox', 'kps')
    classes, objects, boxes, points = (outputs[f'{kind}_{stride}'][0] for kind in kinds)
    scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
    across = side // stride
    cells = np.stack([np.arange(len(scores)) % across, np.arange(len(scores)) // across], axis=1)
    centres = (cells + boxes[:, :2]) * stride
    halves = np.exp(boxes[:, 2:]) * stride / 2
    corners = np.concatenate([centres - halves, centres + halves], axis=1)
    landmarks = (points.reshape(-1, 5, 2) + cells[:, None]) * stride
    return [Face(float(s), b, p) for s, b, p in zip(scores, corners, landmarks, strict=True)]


def suppressed(scores: np.ndarray, boxes: np.ndarray, *, threshold: float, iou: float) -> list[int]:
    """Greedy non-maximum suppression; indices of what stays, best first."""
    kept: list[int] = []
    for at in np.argsort(-scores, kind='stable'):
        if scores[at] < threshold:
            break
        if all(overlap(boxes[at], boxes[other]) <= iou for other in kept):
            kept.append(int(at))
    return kept


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    if (sides <= 0).any():
        return 0.0
    shared = float(sides.prod())
    return shared / (float((one[2:] - one[:2]).prod()) + float((other[2:] - other[:2]).prod()) - shared)

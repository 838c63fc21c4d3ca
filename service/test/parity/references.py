"""What models are trained behind, as those who train them run it: Pillow, OpenCV, transformers; and our words for it.

Each reference has the `input` that a model.json would have, and a function from an RGB picture (uint8, height x width x
channels) to the tensor of one image. Sizes are multiples of `unit`: 8 gives those of real models, 1 gives tensors small
enough to be kept as golden ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import transformers
from PIL import Image

FILTERS = {
    'nearest': Image.Resampling.NEAREST,
    'box': Image.Resampling.BOX,
    'bilinear': Image.Resampling.BILINEAR,
    'hamming': Image.Resampling.HAMMING,
    'bicubic': Image.Resampling.BICUBIC,
    'lanczos': Image.Resampling.LANCZOS,
}
IMAGENET = {'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225]}
HALF = {'mean': [0.5, 0.5, 0.5], 'std': [0.5, 0.5, 0.5]}
CLIP = {'mean': [0.48145466, 0.4578275, 0.40821073], 'std': [0.26862954, 0.26130258, 0.27577711]}

Picture = np.ndarray


@dataclass(frozen=True)
class Reference:
    """`tensor` takes a picture and returns [C, H, W], or [H, W, C] where the input's layout is NHWC."""

    name: str
    input: dict[str, Any]
    tensor: Callable[[Picture], np.ndarray]


def references(unit: int) -> list[Reference]:
    """All of them."""
    return [
        *pillow_filters(unit),
        *element_types(unit),
        *torchvision_presets(unit),
        *opencv_models(unit),
        *hugging_face(unit),
    ]


def normalised(levels: np.ndarray, scale: float, mean: list[float], std: list[float]) -> np.ndarray:
    """uint8 [H, W, C] to float32 [C, H, W]."""
    values = (levels.astype(np.float64) * scale - np.array(mean)) / np.array(std)
    return values.astype(np.float32).transpose(2, 0, 1)


def _input(width: int, height: int, **rest: object) -> dict[str, Any]:
    return {'type': 'float32', 'layout': 'NCHW', 'channels': 'rgb', 'width': width, 'height': height, **rest}


def resized(picture: Picture, size: tuple[int, int], name: str) -> Picture:
    """Across, then down: the order of all versions of Pillow before 13, which today's models were trained with."""
    image = Image.fromarray(picture)
    return np.asarray(image.resize((size[0], image.height), FILTERS[name]).resize(size, FILTERS[name]))


# Pillow's filters, stretched to the tensor.


def pillow_filters(unit: int) -> list[Reference]:
    """Every filter, wider than high."""
    return [_stretched(f'Pillow {name}', (36 * unit, 28 * unit), name) for name in FILTERS]


def _stretched(title: str, size: tuple[int, int], name: str) -> Reference:
    words = _input(*size, resize={'rule': 'stretch', 'filter': name}, **IMAGENET)
    return Reference(title, words, lambda picture: normalised(resized(picture, size, name), 1 / 255, **IMAGENET))


# What an element of the tensor is, and which channels there are.


def element_types(unit: int) -> list[Reference]:
    """Grey (a digit reader), bytes with channels last (a TensorFlow export), half floats."""
    side = 28 * unit
    size = (side, side)
    stretch = {'resize': {'rule': 'stretch', 'filter': 'bilinear'}}

    def levels(picture: Picture) -> Picture:
        return resized(picture, size, 'bilinear')

    def grey(picture: Picture) -> np.ndarray:
        image = Image.fromarray(picture).convert('L')
        across = image.resize((side, image.height), FILTERS['bilinear'])
        return normalised(np.asarray(across.resize(size, FILTERS['bilinear']))[..., None], 1 / 255, [0], [1])

    return [
        Reference('Pillow, grey', _input(*size, **stretch) | {'channels': 'grey'}, grey),
        Reference('Pillow, uint8 NHWC', _input(*size, **stretch) | {'type': 'uint8', 'layout': 'NHWC'}, levels),
        Reference(
            'Pillow, float16 of bytes',
            _input(*size, **stretch, scale=1) | {'type': 'float16'},
            lambda picture: levels(picture).astype(np.float16).transpose(2, 0, 1),
        ),
    ]


# torchvision's presets for classification, on PIL images as its references train.


def torchvision_presets(unit: int) -> list[Reference]:
    """Weights V1 (256), V2 (232), SWAG (shortest edge = crop, bicubic); a margin of zeros; YOLO's classifiers."""
    return [
        _torchvision('torchvision, V1', 32 * unit, 28 * unit, 'bilinear', IMAGENET),
        _torchvision('torchvision, V2', 29 * unit, 28 * unit, 'bilinear', IMAGENET),
        _torchvision('torchvision, SWAG', 48 * unit, 48 * unit, 'bicubic', IMAGENET),
        _torchvision('torchvision, crop larger than the image', 23 * unit + 2, 28 * unit, 'bilinear', IMAGENET),
        _torchvision('YOLO, classification', 28 * unit, 28 * unit, 'bilinear', {'mean': [0], 'std': [1]}),
    ]


def _torchvision(title: str, shortest: int, crop: int, name: str, norm: dict[str, list[float]]) -> Reference:
    resize = {'rule': 'cover', 'shortest_edge': shortest, 'filter': name}

    def tensor(picture: Picture) -> np.ndarray:
        height, width = picture.shape[:2]
        size = (
            (shortest, int(shortest * height / width))
            if width <= height
            else (int(shortest * width / height), shortest)
        )
        left, top = _margin(size[0], crop), _margin(size[1], crop)
        # Beyond the edge Pillow's crop gives zeros, as torchvision pads.
        levels = Image.fromarray(resized(picture, size, name)).crop((left, top, left + crop, top + crop))
        return normalised(np.asarray(levels), 1 / 255, **norm)

    return Reference(title, _input(crop, crop, resize=resize, **norm), tensor)


def _margin(size: int, crop: int) -> int:
    return round((size - crop) / 2.0) if size >= crop else -((crop - size) // 2)


# Models behind cv2.resize.


def opencv_models(unit: int) -> list[Reference]:
    """UltraFace, YuNet, YOLO, ArcFace."""
    linear = {'filter': 'opencv-linear'}
    stretch = {'rule': 'stretch', **linear}
    corner = {'rule': 'letterbox', 'position': 'top-left', **linear}
    ultra, arc, yunet, yolo = (40 * unit, 30 * unit), (14 * unit, 14 * unit), 40 * unit, 80 * unit
    levels = {'mean': [0.0], 'std': [1.0]}
    return [
        Reference(
            'OpenCV, UltraFace',
            _input(*ultra, resize=stretch, scale=1, mean=[127], std=[128]),
            lambda picture: normalised(cv2.resize(picture, ultra), 1, [127], [128]),
        ),
        Reference(
            'OpenCV, ArcFace',
            _input(*arc, resize=stretch, scale=1, mean=[127.5], std=[127.5]),
            lambda picture: normalised(cv2.resize(picture, arc), 1, [127.5], [127.5]),
        ),
        Reference(
            'OpenCV, YuNet',
            _input(yunet, yunet, resize=corner, scale=1) | {'channels': 'bgr'},
            lambda picture: normalised(boxed(picture, yunet, 0, centred=False)[..., ::-1], 1, **levels),
        ),
        Reference(
            'OpenCV, YOLO letterbox',
            _input(yolo, yolo, resize={'rule': 'letterbox', 'pad_value': [114], **linear}),
            lambda picture: normalised(boxed(picture, yolo, 114, centred=True), 1 / 255, **levels),
        ),
    ]


def boxed(picture: Picture, side: int, fill: int, *, centred: bool) -> Picture:
    """Fits a picture into a square; in the middle, halves of a pixel go to the end, as YOLO's letterbox has it."""
    height, width = picture.shape[:2]
    ratio = min(side / height, side / width)
    inner = (round(width * ratio), round(height * ratio))
    across, down = side - inner[0], side - inner[1]
    left, top = (round(across / 2 - 0.1), round(down / 2 - 0.1)) if centred else (0, 0)
    image = cv2.resize(picture, inner) if inner != (width, height) else picture
    edges = (top, down - top, left, across - left)
    return cv2.copyMakeBorder(image, *edges, cv2.BORDER_CONSTANT, value=(fill, fill, fill))


# transformers' own image processors, on Pillow.


def hugging_face(unit: int) -> list[Reference]:
    """One of each rule that its processors have, with the settings of well-known checkpoints."""
    side, large, huge = 28 * unit, 32 * unit, 64 * unit
    square = {'height': side, 'width': side}
    return [
        _processed('ViT', {'size': square}, side, _stretch('bilinear'), HALF),
        _processed('Segformer', {'size': {'height': huge, 'width': huge}}, huge, _stretch('bilinear'), IMAGENET),
        _processed('Detr', {'size': {'height': huge, 'width': huge}}, huge, _stretch('bilinear'), IMAGENET),
        _processed(
            'MobileNetV2',
            {'size': {'shortest_edge': large}, 'crop_size': square},
            side,
            _cover(large, 'bilinear'),
            HALF,
        ),
        _processed(
            'MobileViT',
            {'size': {'shortest_edge': 36 * unit}, 'crop_size': {'height': large, 'width': large}, 'resample': 2},
            large,
            _cover(36 * unit, 'bilinear'),
            {'mean': [0], 'std': [1]},
            'bgr',
        ),
        _processed(
            'Bit',
            {'size': {'shortest_edge': large}, 'crop_size': square, 'image_mean': IMAGENET['mean']}
            | {'image_std': IMAGENET['std']},
            side,
            _cover(large, 'bicubic'),
            IMAGENET,
        ),
        _processed('CLIP', {'size': {'shortest_edge': side}, 'crop_size': square}, side, _cover(side, 'bicubic'), CLIP),
        # Below 384 the shortest edge becomes int(size / crop_pct) and the middle is cut out; then it stretches.
        _processed(
            'ConvNext',
            {'size': {'shortest_edge': side}, 'crop_pct': 0.875},
            side,
            _cover(int(side / 0.875), 'bicubic'),
            HALF,
        ),
        _processed('ConvNext', {'size': {'shortest_edge': 384}}, 384, _stretch('bicubic'), HALF),
    ]


def _stretch(name: str) -> dict[str, Any]:
    return {'rule': 'stretch', 'filter': name}


def _cover(shortest: int, name: str) -> dict[str, Any]:
    return {'rule': 'cover', 'shortest_edge': shortest, 'filter': name, 'position': 'center-floor'}


def _processed(
    family: str,
    settings: dict[str, Any],
    side: int,
    resize: dict[str, Any],
    norm: dict[str, list[float]],
    channels: str = 'rgb',
) -> Reference:
    processor = getattr(transformers, f'{family}ImageProcessorPil')(**settings)

    def tensor(picture: Picture) -> np.ndarray:
        values = processor(Image.fromarray(picture), return_tensors='np')['pixel_values']
        return values[0].astype(np.float32)

    words = _input(side, side, resize=resize, **norm) | {'channels': channels}
    return Reference(f'transformers, {family} to {side}', words, tensor)

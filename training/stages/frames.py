"""What is looked at of each image before it may teach a model."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image, ImageOps

from stages.ingest import Entry
from stages.settings import sha256_of

HASH_SIDE = 16
"""A perceptual hash has its square, 256, of bits: digits differ in less than photographs do."""
LEAST_SIDE = 8
MOST_PIXELS = 50_000_000


@dataclass(frozen=True)
class Frame:
    """An image that was read; brightness and contrast (standard deviation): 0..1; hash: [4] uint64."""

    entry: Entry
    brightness: float
    contrast: float
    hash: np.ndarray


@dataclass(frozen=True)
class Unreadable:
    """One that was not, and why."""

    entry: Entry
    why: str


def perceptual_hash(image: Image.Image) -> np.ndarray:
    """[4] uint64: few bits differ between pictures that look alike, whatever their size, format and compression."""
    return np.packbits(imagehash.phash(image, hash_size=HASH_SIDE).hash).view(np.uint64)


def bits_between(hashes: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Bits [N] in which hashes [N, 4] differ from one [4]."""
    return np.bitwise_count(hashes ^ one).sum(axis=1)


def read_frame(folder: Path, entry: Entry) -> Frame | Unreadable:
    """Reads the whole image, as a file that is cut off has a head that can be read."""
    path = folder / entry.file
    data = path.read_bytes() if path.is_file() else b''
    if sha256_of(data) != entry.sha256:
        return Unreadable(entry, 'not the bytes that were ingested')
    try:
        grey = decode(data).convert('L')
    except Exception as error:  # Pillow's decoders raise nearly anything
        return Unreadable(entry, str(error)[:120])
    if min(grey.size) < LEAST_SIDE:
        return Unreadable(entry, f'only {grey.width} x {grey.height} pixels')
    levels = np.asarray(grey, np.float32) / 255
    return Frame(entry, float(levels.mean()), float(levels.std()), perceptual_hash(grey))


def decode(data: bytes) -> Image.Image:
    """As a person sees it, mode RGB; raises for what is no whole image, or too large."""
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f'{image.width} x {image.height} pixels')
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith('I;16'):
                # As the service does: the upper byte. Pillow would make white of nearly everything.
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            return upright.convert('RGB')


def open_entry(folder: Path, entry: Entry) -> Image.Image:
    return decode((folder / entry.file).read_bytes())

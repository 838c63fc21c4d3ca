"""Stage 3: the champion's weights, taught a while longer with the captured images among those of the base data."""

from __future__ import annotations

import re
import shutil
import time

import numpy as np
import torch

from averaging import blend
from bundle import INPUT, write_bundle
from data import load_split
from ink import build_bank
from model import DigitNet
from preprocess import Preprocess
from samples import make_samples
from stages.champion import champion_folder, read_about
from stages.frames import open_entry
from stages.ingest import Entry, data_digest
from stages.settings import Refusal, Settings, write_json
from stages.validate import read_accepted
from stages.weights import weights_of
from train import CALIBRATION, Start, calibrate, train

RATE = 1.5e-3
"""Below that of a training from nothing, so that what the champion knows is kept."""
CAPTURED_SHARE = 0.4
"""Of the pictures shown: captures are few, so each is shown several times, each time moved and turned a little."""
MOST_REPEATS = 40
MEASURED = 1024
"""Pictures that the champion's layers are measured on."""
KEPT = 0.5
"""Share of the champion's weights in those of the challenger: on the way from the one network to the other, most of
what is learnt comes before most of what is forgotten (Wortsman and others, Robust fine-tuning, 2022)."""
STREAM = 31


def train_challenger(settings: Settings) -> None:
    """Writes the challenger's folder, and parameters and curves beside it."""
    started = time.monotonic()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    champion = champion_folder(settings)
    entries = [entry for entry in read_accepted(settings) if entry.part == 'train']
    version = next_version(read_about(champion)['version'], data_digest(settings.data))
    # A training that is interrupted leaves none, rather than the one before.
    shutil.rmtree(settings.challenger, ignore_errors=True)
    pixels, labels = _pictures(settings, entries)
    preprocess = Preprocess(INPUT)
    before = DigitNet()
    before.load_state_dict(weights_of(champion, preprocess.normalise(pixels[:MEASURED])[:, None]))
    start = Start(before.state_dict(), RATE)
    model = train(pixels, labels, preprocess, settings.epochs, settings.seed, start)
    blend(model, before, 1 - KEPT)
    temperature = calibrate(model, pixels[:CALIBRATION], labels[:CALIBRATION], preprocess)
    splits = load_split()
    about = write_bundle(model, settings.challenger, *splits, pixels, settings.seed, version)
    parameters = {
        'seed': settings.seed,
        'epochs': settings.epochs,
        'rate': RATE,
        'kept': KEPT,
        'base_pictures': settings.samples,
        'captured_images': len(entries),
        'captured_pictures': len(labels) - settings.samples,
        'temperature': round(temperature, 2),
        'data': data_digest(settings.data),
        'champion': read_about(champion)['sha256'],
        'challenger': about['sha256'],
    }
    write_json(settings.training / 'training.json', {'parameters': parameters, 'loss': start.losses})
    print(f'{version} trained in {time.monotonic() - started:.0f} s')


def next_version(version: str, data: str) -> str:
    """The next minor version, marked by the data's digest: the same data makes the same one."""
    numbers = re.match(r'(\d+)\.(\d+)\.', version)
    if not numbers:
        raise Refusal(f'the champion has the version {version!r}, and none is known to follow that: it is not 1.2.3')
    return f'{numbers[1]}.{int(numbers[2]) + 1}.0-{data[:8]}'


def _pictures(settings: Settings, entries: list[Entry]) -> tuple[np.ndarray, np.ndarray]:
    """Base pictures and captured ones, mixed: pixels [N, H, W] uint8 and labels [N]."""
    preprocess = Preprocess(INPUT)
    bank = build_bank(load_split()[0])
    base, base_labels = make_samples(bank, preprocess, settings.seed, settings.samples, settings.workers)
    captured = np.stack([preprocess.pixels(open_entry(settings.data, entry)) for entry in entries])
    labels = np.array([int(entry.label) for entry in entries])
    rng = np.random.default_rng([settings.seed, STREAM])
    wanted = int(settings.samples * CAPTURED_SHARE / (1 - CAPTURED_SHARE))
    rows = np.resize(rng.permutation(len(entries)), min(wanted, MOST_REPEATS * len(entries)))
    varied = np.stack([vary(captured[row], rng) for row in rows])
    order = rng.permutation(len(base) + len(varied))
    return np.concatenate([base, varied])[order], np.concatenate([base_labels, labels[rows]])[order]


def vary(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moves [H, W] uint8 by up to two pixels each way, and its levels by a little; edges are repeated."""
    down, right = rng.integers(-2, 3, 2)
    height, width = pixels.shape
    padded = np.pad(pixels, 2, mode='edge')
    moved = padded[2 + down : 2 + down + height, 2 + right : 2 + right + width].astype(np.float32)
    levels = (moved - moved.mean()) * rng.uniform(0.85, 1.15) + moved.mean() + rng.normal(0, 4)
    return np.clip(levels + rng.normal(0, 2, moved.shape) + 0.5, 0, 255).astype(np.uint8)

"""Trains the digit model and writes service/models/digits: `python training/train.py`."""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from averaging import DECAY, blend
from bundle import INPUT, write_bundle
from data import load_split
from ink import build_bank
from model import DigitNet
from preprocess import Preprocess
from samples import make_samples

OUT = Path(__file__).resolve().parent.parent / 'service' / 'models' / 'digits'
BATCH = 256
CALIBRATION = 8192
"""Training pictures that the temperature is fitted on."""
RATE = 4e-3
"""Highest learning rate."""


@dataclass(frozen=True)
class Start:
    """Where fitting begins; losses: filled with the mean loss of each epoch."""

    weights: dict[str, torch.Tensor] | None = None
    rate: float = RATE
    losses: list[float] = field(default_factory=list)


def train(
    pixels: np.ndarray, labels: np.ndarray, preprocess: Preprocess, epochs: int, seed: int, start: Start | None = None
) -> DigitNet:
    """Fits a network to pixels [N, H, W] uint8 and labels [N]; returns the average of its late weights.

    Each batch is inverted or not by chance, which doubles the pictures for nothing.
    """
    start = start or Start()
    torch.manual_seed(seed)
    model = DigitNet().to(memory_format=torch.channels_last)
    if start.weights:
        model.load_state_dict(start.weights, strict=False)
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=start.rate, weight_decay=0.02)
    steps = epochs * (len(labels) // BATCH)
    # A short training would end before the average has left where it began.
    decay = min(DECAY, max(0, 1 - 4 / max(1, steps)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, start.rate, total_steps=steps, pct_start=0.15)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    started = time.monotonic()
    for epoch in range(epochs):
        total = 0.0
        order = torch.randperm(len(labels)).numpy()
        for step in range(len(labels) // BATCH):
            rows = order[step * BATCH : (step + 1) * BATCH]
            flip = (torch.rand(BATCH, 1, 1).numpy() < 0.5) * np.uint8(255)
            batch = torch.from_numpy(preprocess.normalise(pixels[rows] ^ flip)[:, None])
            loss = loss_of(model(batch), torch.from_numpy(labels[rows]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            blend(average, model, decay)
            total += loss.item()
        start.losses.append(total / max(1, step + 1))
        done = time.monotonic() - started
        print(f'epoch {epoch + 1}/{epochs} loss {start.losses[-1]:.4f} {done:.0f} s', flush=True)
    return average.eval()


@torch.no_grad()
def calibrate(model: DigitNet, pixels: np.ndarray, labels: np.ndarray, preprocess: Preprocess) -> float:
    """Divides the logits by the temperature that makes scores of pixels [N, H, W] likeliest; returns it.

    Smoothed labels leave a network too modest. Only training pictures are looked at.
    """
    logits = model(torch.from_numpy(preprocess.normalise(pixels)[:, None]))
    wanted = torch.from_numpy(labels)
    choices = torch.arange(0.3, 1.51, 0.05).tolist()
    losses = [nn.functional.cross_entropy(logits / choice, wanted).item() for choice in choices]
    temperature = choices[int(np.argmin(losses))]
    model.answer.weight /= temperature
    model.answer.bias /= temperature
    return temperature


def main(arguments: list[str] | None = None) -> None:
    """Splits, makes the pictures, trains, exports, evaluates and writes the model's folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=OUT)
    parser.add_argument('--seed', type=int, default=7)
    parser.add_argument('--samples', type=int, default=150_000, help='pictures made for training')
    parser.add_argument('--epochs', type=int, default=4, help='times that each is shown')
    parser.add_argument('--workers', type=int, default=2, help='processes that make pictures')
    parser.add_argument('--threads', type=int, default=1, help='threads that train; the weights depend on it')
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    training, held_out = load_split()
    preprocess = Preprocess(INPUT)
    started = time.monotonic()
    bank = build_bank(training)
    pixels, labels = make_samples(bank, preprocess, options.seed, options.samples, options.workers)
    print(f'{len(labels)} pictures made in {time.monotonic() - started:.0f} s', flush=True)
    model = train(pixels, labels, preprocess, options.epochs, options.seed)
    temperature = calibrate(model, pixels[:CALIBRATION], labels[:CALIBRATION], preprocess)
    print(f'temperature {temperature:.2f}', flush=True)
    write_bundle(model, options.out, training, held_out, pixels, options.seed)


if __name__ == '__main__':
    main()

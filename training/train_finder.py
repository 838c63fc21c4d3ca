"""Trains the model that finds digits and writes service/models/digit-finder: `python training/train_finder.py`."""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import distributed, nn

from averaging import DECAY, blend
from data import load_split
from finder.bundle import INPUT, write_bundle
from finder.loss import finder_loss
from finder.network import FinderNet
from finder.samples import Batch, Sample, batches, make_samples
from ink import build_bank
from preprocess import Preprocess

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / 'service' / 'models' / 'digit-finder'
PICTURES = ROOT / 'docs' / 'images'
BATCH = 8
RATE = 3e-3
DECAY_OF_WEIGHTS = 0.02
LARGEST_GRADIENT = 10.0
REPORT = 100
BFLOAT16 = any(has for name, has in torch.cpu.get_capabilities().items() if name.endswith('bf16'))


@dataclass(frozen=True)
class Recipe:
    """How to train. epochs: times that each sample is shown."""

    epochs: int
    seed: int
    processes: int


def train(samples: Sequence[Sample], preprocess: Preprocess, recipe: Recipe) -> FinderNet:
    """Fits a network to scenes; returns the average of its late weights.

    Each process works on its share of a batch, on one thread; gradients are averaged. That uses two cores better
    than two threads do. The weights depend on the number of processes.
    """
    context = get_context('fork')
    with TemporaryDirectory() as folder:
        join = partial(_join, samples, preprocess, recipe, Path(folder) / 'meeting')
        others = [context.Process(target=join, args=(rank,), daemon=True) for rank in range(1, recipe.processes)]
        for other in others:
            other.start()
        model = join(0)
        for other in others:
            other.join()
    return model


def _join(samples: Sequence[Sample], preprocess: Preprocess, recipe: Recipe, meeting: Path, rank: int) -> FinderNet:
    """Trains as process `rank` of those that meet at a file."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    distributed.init_process_group('gloo', f'file://{meeting}', rank=rank, world_size=recipe.processes)
    model = FinderNet(preprocess.size[0]).to(memory_format=torch.channels_last)
    average = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY_OF_WEIGHTS)
    steps = recipe.epochs * (len(samples) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.06)
    started, total = time.monotonic(), 0.0
    rng, share = np.random.default_rng(recipe.seed), slice(rank, None, recipe.processes)
    for step, batch in enumerate(batches(samples, BATCH, recipe.epochs, rng, share), 1):
        loss = _loss(model, batch, preprocess)
        optimiser.zero_grad()
        loss.backward()
        _average_gradients(model)
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        blend(average, model, min(DECAY, step / (step + 10)))
        total += loss.item()
        if step % REPORT == 0 and rank == 0:
            print(f'step {step}/{steps} loss {total / REPORT:.4f} {time.monotonic() - started:.0f} s', flush=True)
            total = 0.0
    distributed.destroy_process_group()
    return average.eval()


def _average_gradients(model: nn.Module) -> None:
    """Over all processes, in one message."""
    gradients = [weights.grad for weights in model.parameters()]
    flat = torch.cat([each.reshape(-1) for each in gradients])
    distributed.all_reduce(flat)
    for gradient, mean in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient) / distributed.get_world_size())


def _loss(model: FinderNet, batch: Batch, preprocess: Preprocess) -> torch.Tensor:
    """Where the processor has bfloat16, the network computes in it: in half the time, to another rounding."""
    images = torch.from_numpy(preprocess.normalise(batch.pixels)[:, None])
    with torch.autocast('cpu', torch.bfloat16, enabled=BFLOAT16):
        boxes, logits = model(images)
    wanted = (torch.from_numpy(each) for each in (batch.rows, batch.cells, batch.labels, batch.boxes))
    return finder_loss(boxes.float(), logits.float(), *wanted)


def main(arguments: list[str] | None = None) -> None:
    """Splits, composes scenes, trains, exports, evaluates and writes the model's folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=OUT)
    parser.add_argument('--pictures', type=Path, default=PICTURES, help='where the sheet of failures goes')
    parser.add_argument('--seed', type=int, default=7)
    parser.add_argument('--samples', type=int, default=6000, help='scenes composed for training')
    parser.add_argument('--epochs', type=int, default=10, help='times that each is shown')
    parser.add_argument('--processes', type=int, default=2, help='that compose and train; the weights depend on it')
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    training, held_out = load_split()
    bank = build_bank(training)
    recipe = Recipe(options.epochs, options.seed, options.processes)
    preprocess = Preprocess(INPUT)
    started = time.monotonic()
    samples = make_samples(bank, preprocess, options.seed, options.samples, options.processes)
    print(f'{len(samples)} scenes composed in {time.monotonic() - started:.0f} s', flush=True)
    model = train(samples, preprocess, recipe)
    write_bundle(model, options.out, options.pictures, bank, build_bank(held_out), options.seed)


if __name__ == '__main__':
    main()

"""What makes a data set unfit to teach a model: one function for each fault, and how much of it is allowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from stages.frames import Frame, Unreadable, bits_between
from stages.ingest import Entry

MOST_CORRUPT = 0.02
MOST_UNKNOWN_LABELS = 0.02
MOST_DUPLICATES = 0.05
MOST_BROKEN = 0.05
MOST_FROZEN = 0.10
"""Shares of the images that may have the fault: so many are set aside, with more the data set is refused."""
LEAST_IMAGES = 50
LEAST_OF_A_CLASS = 3
MOST_IMBALANCE = 10.0
"""Images of the most frequent label for each of the rarest."""
NEAR = 16
"""Bits of 256 in which the perceptual hashes of one picture, saved twice, may differ."""
FLAT = 0.008
"""Contrast of a frame that shows nothing: two grey levels."""
BLACK, WHITE, NOISE = 0.03, 0.97, 0.03
"""Brightness at most or at least of one that shows nothing but the sensor's noise, and the contrast of that."""
SURE = 0.95
LEAST_SURE = 20
LEAST_AGREEMENT = 0.6
"""Of labels, with what the service was sure of: a camera that drifts makes it unsure, labels that are wrong do not."""


@dataclass(frozen=True)
class Finding:
    """An image with a fault, and what the fault is."""

    entry: Entry
    why: str


@dataclass(frozen=True)
class Check:
    """What one check found.

    aside: images that may not be used; refused: whether the data set as a whole may not.
    """

    name: str
    says: str
    refused: bool
    aside: list[Finding] = field(default_factory=list)


def _limited(name: str, found: list[Finding], total: int, most: float, what: str) -> Check:
    share = len(found) / max(1, total)
    says = f'{len(found)} of {total} images {what} ({share:.1%}, allowed are {most:.0%})'
    return Check(name, says, share > most, found)


def check_files(total: int, unreadable: list[Unreadable]) -> Check:
    """Corrupt, cut off, changed since they were ingested, too small."""
    found = [Finding(each.entry, each.why) for each in unreadable]
    return _limited('files', found, total, MOST_CORRUPT, 'cannot be read')


def check_labels(frames: list[Frame], labels: list[str]) -> Check:
    """Labels outside the model's set."""
    found = [Finding(f.entry, f'label {f.entry.label!r}') for f in frames if f.entry.label not in labels]
    return _limited('labels', found, len(frames), MOST_UNKNOWN_LABELS, 'have a label that the model does not know')


def check_camera(frames: list[Frame]) -> Check:
    """Frames that show nothing: black, white, without contrast."""
    found = [Finding(frame.entry, why) for frame in frames if (why := _blank(frame))]
    return _limited('camera', found, len(frames), MOST_BROKEN, 'show nothing')


def _blank(frame: Frame) -> str:
    says = f'brightness {frame.brightness:.3f}, contrast {frame.contrast:.3f}'
    if frame.contrast <= NOISE and not BLACK < frame.brightness < WHITE:
        return f'black or white: {says}'
    return f'no contrast: {says}' if frame.contrast <= FLAT else ''


def check_frozen(frames: list[Frame]) -> Check:
    """A camera that sends one picture again and again: as the very same bytes, or nearly so."""
    total = sum(frame.entry.seen for frame in frames)
    groups = _alike(frames)
    share = max(map(_seen, groups), default=0) / max(1, total)
    says = f'the picture seen most often is {share:.1%} of all (allowed are {MOST_FROZEN:.0%})'
    repeated = [Finding(frame.entry, f'one of {_seen(group)} alike') for group in groups for frame in group[1:]]
    return Check('frozen', says, share > MOST_FROZEN and total >= LEAST_IMAGES, repeated)


def _seen(group: list[Frame]) -> int:
    return sum(frame.entry.seen for frame in group)


def _alike(frames: list[Frame]) -> list[list[Frame]]:
    """The frames in groups that look alike, each near the first of its group, which is a held-out one where any is."""
    groups: list[list[Frame]] = []
    firsts = np.zeros((len(frames), 4), np.uint64)
    for frame in sorted(frames, key=lambda each: each.entry.part):
        near = np.flatnonzero(bits_between(firsts[: len(groups)], frame.hash) <= NEAR)
        if len(near):
            groups[near[0]].append(frame)
        else:
            firsts[len(groups)] = frame.hash
            groups.append([frame])
    return groups


def check_duplicates(frames: list[Frame], base: np.ndarray) -> Check:
    """Pictures to train on that are held out too, among the captures or in the base hold-out (hashes [N, 4])."""
    captured = [frame.hash for frame in frames if frame.entry.part == 'hold_out']
    known = np.concatenate([base, np.array(captured, np.uint64).reshape(-1, 4)])
    train = [frame for frame in frames if frame.entry.part == 'train']
    found = []
    for frame in train:
        distance = int(bits_between(known, frame.hash).min(initial=256))
        if distance <= NEAR:
            found.append(Finding(frame.entry, f'{distance} of 256 bits from a held-out picture'))
    return _limited('duplicates', found, len(train), MOST_DUPLICATES, 'to train on look like one that is held out')


def check_balance(entries: Iterable[Entry], labels: list[str]) -> Check:
    """Enough images, of every label, in the part that is trained on."""
    counts = Counter(entry.label for entry in entries if entry.part == 'train')
    total, least = sum(counts.values()), min(counts[label] for label in labels)
    most = max(counts[label] for label in labels)
    rarest = min(labels, key=lambda label: counts[label])
    says = f'{total} images to train on, {least} of the rarest label ({rarest}), {most} of the most frequent'
    few = total < LEAST_IMAGES or least < LEAST_OF_A_CLASS
    needs = f'; needed are {LEAST_IMAGES}, {LEAST_OF_A_CLASS} of each, and at most {MOST_IMBALANCE:.0f} to 1'
    refused = few or most > MOST_IMBALANCE * least
    return Check('balance', says + (needs if refused else ''), refused)


def check_agreement(entries: Iterable[Entry]) -> Check:
    """Labels against what the service was sure of."""
    sure = [entry for entry in entries if entry.score is not None and entry.score >= SURE]
    against = [Finding(e, f'label {e.label}, read as {e.answer} ({e.score:.2f})') for e in sure if e.label != e.answer]
    share = 1 - len(against) / max(1, len(sure))
    says = f'{share:.1%} of {len(sure)} sure answers have the label they got (needed are {LEAST_AGREEMENT:.0%})'
    refused = len(sure) >= LEAST_SURE and share < LEAST_AGREEMENT
    # Each may be the very mistake that is to be learnt: it is shown, not set aside.
    shown = against if refused else []
    return Check('agreement', says, refused, shown)

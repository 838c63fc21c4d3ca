"""Stage 6: the pictures that `cv-inference reference` makes the challenger's reference of."""

from __future__ import annotations

import shutil

from data import load_split
from ink import build_bank
from samples import make_picture
from stages.ingest import Entry
from stages.settings import Settings
from stages.validate import read_accepted

NEWEST = 500
"""Captured images at most: as many as the rules of drift ask of an hour. More would bring back what was before it."""
LEAST = 300
"""With fewer, chance alone takes the index of some number above 0.25 (with 200 in 3 % of trials, with 300 in 0.2 %), so
base pictures, which the challenger was taught as well, make up for them: rather an alert too many than one too few."""


def pick_pictures(settings: Settings) -> None:
    """Writes `settings.reference`: the newest captures that validation accepted, and base pictures up to LEAST."""
    captured = newest(read_accepted(settings))
    base = max(0, LEAST - len(captured))
    shutil.rmtree(settings.reference, ignore_errors=True)
    settings.reference.mkdir(parents=True)
    for entry in captured:
        shutil.copy(settings.data / entry.file, settings.reference)
    bank = build_bank(load_split()[0])
    for index in range(base):
        make_picture(bank, settings.seed, index)[0].save(settings.reference / f'base-{index:03}.png')
    print(f'{len(captured)} captured images and {base} base pictures for the reference')


def newest(entries: list[Entry]) -> list[Entry]:
    """Of what chance has taken: images kept for an uncertain answer are not what production shows as a rule."""
    sampled = [entry for entry in entries if entry.sampled]
    return sorted(sampled, key=lambda entry: entry.captured_at)[-NEWEST:]

"""Whether a challenger may take the champion's place: rules on figures, apart from how the figures are made."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

LEVEL = 0.05
"""Chance that a challenger which is no better passes."""
MOST_LOSS = 0.02
"""Share of right answers that a class or slice may lose; in a small one, the loss of a single picture."""
MOST_SLOWER = 1.15
MOST_LARGER = 1.10
"""Of the champion's time and bytes."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Figures:
    """What both models did.

    champion, challenger: [N] bool, whether each picture was read rightly; groups: name -> [N] bool, the classes and
    slices; sources: [N] int, what a picture was made of; milliseconds and bytes: (champion, challenger);
    golden: of each golden image that is not answered as it has to be, a sentence.
    """

    champion: np.ndarray
    challenger: np.ndarray
    groups: dict[str, np.ndarray]
    sources: np.ndarray
    milliseconds: tuple[float, float]
    bytes: tuple[int, int]
    golden: list[str]


@dataclass(frozen=True)
class Rule:
    """One rule, whether it is kept, and the figures in a sentence."""

    name: str
    passed: bool
    says: str


def refusal(verdict: dict[str, Any]) -> str:
    """Why a challenger does not pass, in a line, of its verdict.json."""
    broken = '; '.join(f'{rule["name"]}: {rule["says"]}' for rule in verdict['rules'] if not rule['passed'])
    return f'the challenger is refused: {broken}'


def judge(figures: Figures) -> list[Rule]:
    """All rules: the challenger passes where each is kept."""
    return [
        _better(figures),
        _nothing_lost(figures),
        _not_more('latency', figures.milliseconds, MOST_SLOWER, 'ms an image'),
        _not_more('size', figures.bytes, MOST_LARGER, 'bytes'),
        Rule('golden', not figures.golden, '; '.join(figures.golden) or 'all are answered as they have to be'),
    ]


def net_by_source(figures: Figures) -> np.ndarray:
    """[S] pictures of each source that the challenger reads and the champion does not, less those the other way."""
    rows = np.unique(figures.sources, return_inverse=True)[1]
    difference = figures.challenger.astype(int) - figures.champion.astype(int)
    return np.bincount(rows, weights=difference).astype(int)


def chance(won: int, lost: int) -> float:
    """That two equal models differ by this much or more: McNemar's exact test, one-sided."""
    total = won + lost
    return sum(comb(total, k) for k in range(won, total + 1)) / 2**total


def interval(figures: Figures, seed: int = 0) -> tuple[float, float]:
    """Middle 90 % of the gain in accuracy, by a bootstrap over sources: each with all its pictures, of both models."""
    rows = np.unique(figures.sources, return_inverse=True)[1]
    counts = np.bincount(rows)
    nets = net_by_source(figures)
    picks = np.random.default_rng(seed).integers(0, len(nets), (RESAMPLES, len(nets)))
    gains = nets[picks].sum(axis=1) / counts[picks].sum(axis=1)
    low, high = np.quantile(gains, [0.05, 0.95])
    return float(low), float(high)


def _better(figures: Figures) -> Rule:
    nets = net_by_source(figures)
    won, lost = int((nets > 0).sum()), int((nets < 0).sum())
    p = chance(won, lost)
    low, high = interval(figures)
    before, after = figures.champion.mean(), figures.challenger.mean()
    says = (
        f'accuracy {before:.2%} to {after:.2%}, {after - before:+.2%} (90 % interval {low:+.2%} to {high:+.2%}); '
        f'of {len(nets)} originals {won} are read better and {lost} worse, p = {p:.4f}, needed is less than {LEVEL}'
    )
    return Rule('better', p < LEVEL and low > 0, says)


def _nothing_lost(figures: Figures) -> Rule:
    lost, worst = [], (0.0, 'none')
    for name, rows in figures.groups.items():
        count = int(rows.sum())
        loss = float(figures.champion[rows].mean() - figures.challenger[rows].mean())
        worst = max(worst, (loss, name))
        # A hair above: a loss of exactly what is allowed is allowed.
        if loss > max(MOST_LOSS, 1 / count) + 1e-9:
            lost.append(f'{name} loses {loss:.1%} of {count}')
    if lost:
        return Rule('nothing lost', False, f'{", ".join(lost)}; allowed are {MOST_LOSS:.0%}')
    return Rule('nothing lost', True, f'most lost: {worst[0]:.1%} ({worst[1]}), allowed are {MOST_LOSS:.0%}')


def _not_more(name: str, pair: tuple[float, float], most: float, unit: str) -> Rule:
    before, after = pair
    says = f'{before:.6g} to {after:.6g} {unit}, {after / before:.2f} times; allowed are {most:.2f}'
    return Rule(name, after <= most * before, says)

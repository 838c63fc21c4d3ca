"""Stage 4, the gate: the challenger against the champion; the verdict is a file that says why."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evaluate import Reader, confusion
from export import sha256
from preprocess import Preprocess
from stages.champion import champion_folder, check_whole, read_about
from stages.gate import Figures, Rule, judge, refusal
from stages.hold_out import HoldOut, hold_out
from stages.settings import Refusal, Settings, require, write_json

ROUNDS = 300
"""Runs of each model, taken in turns, so that what else the machine does strikes both."""
FAILURES = 40
"""Pictures kept of what the challenger reads wrongly."""


def evaluate_challenger(settings: Settings) -> None:
    """Writes verdict.json and verdict.md; a Refusal where the challenger does not pass."""
    champion, challenger = champion_folder(settings), require(settings.challenger, 'train')
    check_whole(challenger, 'the challenger')
    pictures = hold_out(settings)
    readers = open_reader(champion), open_reader(challenger)
    scores = tuple(reader.scores(pictures.images) for reader in readers)
    figures = compare(pictures, scores, readers, (champion, challenger))
    rules = judge(figures)
    verdict = _verdict(champion, challenger, rules, figures)
    verdict['confusion_matrix'] = confusion(scores[1], pictures.labels).tolist()
    write_json(settings.verdict / 'verdict.json', verdict)
    text = as_markdown(verdict)
    (settings.verdict / 'verdict.md').write_text(text, encoding='utf-8')
    _keep_failures(settings.verdict / 'failures', pictures, scores[1])
    print(text)
    if not verdict['passed']:
        raise Refusal(refusal(verdict))


def open_reader(folder: Path) -> Reader:
    return Reader(folder / read_about(folder)['file'], Preprocess.from_manifest(folder / 'model.json'))


def compare(
    pictures: HoldOut, scores: tuple[np.ndarray, ...], readers: tuple[Reader, Reader], folders: tuple[Path, Path]
) -> Figures:
    """The figures that the gate judges. scores: [N, 10] of champion and challenger."""
    champion, challenger = (each.argmax(axis=1) == pictures.labels for each in scores)
    groups = {f'class {label}': pictures.labels == label for label in np.unique(pictures.labels)}
    groups |= {f'slice {name}': pictures.slices == name for name in np.unique(pictures.slices)}
    files = [folder / read_about(folder)['file'] for folder in folders]
    return Figures(
        champion,
        challenger,
        groups,
        pictures.sources,
        milliseconds(readers),
        (files[0].stat().st_size, files[1].stat().st_size),
        golden_faults(folders, readers[1]),
    )


def milliseconds(readers: tuple[Reader, Reader]) -> tuple[float, float]:
    """Median of one image in the network, of each."""
    width, height = readers[0].preprocess.size
    tensor = np.random.default_rng(0).uniform(-1, 1, (1, 1, height, width)).astype(np.float32)
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for reader, times in zip(readers, taken, strict=True):
            started = time.perf_counter()
            reader.logits(tensor)
            times.append(1000 * (time.perf_counter() - started))
    return round(float(np.median(taken[0])), 4), round(float(np.median(taken[1])), 4)


def golden_faults(folders: tuple[Path, Path], challenger: Reader) -> list[str]:
    """Golden images of the champion that the challenger does not give the same label, and its own by their scores."""
    faults = []
    for folder, name in zip(folders, ('champion', 'challenger'), strict=True):
        about = read_about(folder)
        for entry in about.get('golden', []):
            fault = _golden_fault(folder, entry, challenger, about['output']['labels'], by_score=name == 'challenger')
            if fault:
                faults.append(f"the {name}'s {entry['file']} {fault}")
    return faults


def _golden_fault(folder: Path, entry: dict[str, Any], reader: Reader, labels: list[str], *, by_score: bool) -> str:
    if not (folder / entry['file']).is_file():
        return 'is not there'
    with Image.open(folder / entry['file']) as image:
        scores = reader.scores([image])[0]
    read, wanted = labels[int(scores.argmax())], entry['predictions'][0]['label']
    if read != wanted:
        return f'is read as {read}, not {wanted}'
    if not by_score:
        return ''
    differences = [abs(scores[labels.index(each['label'])] - each['score']) for each in entry['predictions']]
    return f'differs by {max(differences):.3f}' if max(differences) > entry['tolerance'] else ''


def _verdict(champion: Path, challenger: Path, rules: list[Rule], figures: Figures) -> dict[str, Any]:
    def about(folder: Path) -> dict[str, str]:
        told = read_about(folder)
        return {'version': told['version'], 'digest': f'sha256:{sha256(folder / told["file"])}'}

    return {
        'schema_version': 1,
        'model': read_about(challenger)['name'],
        'passed': all(rule.passed for rule in rules),
        'champion': about(champion),
        'challenger': about(challenger),
        'accuracy': [round(float(each.mean()), 6) for each in (figures.champion, figures.challenger)],
        'rules': [{'name': rule.name, 'passed': rule.passed, 'says': rule.says} for rule in rules],
        'groups': {
            name: {
                'pictures': int(rows.sum()),
                'champion': round(float(figures.champion[rows].mean()), 6),
                'challenger': round(float(figures.challenger[rows].mean()), 6),
            }
            for name, rows in figures.groups.items()
        },
    }


def as_markdown(verdict: dict[str, Any]) -> str:
    """The verdict for people, and for the comment on a promotion."""
    lines = [
        f'## {verdict["model"]} {verdict["challenger"]["version"]}: {"passed" if verdict["passed"] else "refused"}',
        '',
        f'Challenger `{verdict["challenger"]["digest"]}`',
        f'against champion {verdict["champion"]["version"]} `{verdict["champion"]["digest"]}`',
        '',
        '| rule | | |',
        '| --- | --- | --- |',
        *(f'| {r["name"]} | {"kept" if r["passed"] else "**broken**"} | {r["says"]} |' for r in verdict['rules']),
        '',
        '| pictures | count | champion | challenger |',
        '| --- | --- | --- | --- |',
        *(
            f'| {name} | {each["pictures"]} | {each["champion"]:.2%} | {each["challenger"]:.2%} |'
            for name, each in verdict['groups'].items()
        ),
    ]
    return '\n'.join(lines) + '\n'


def _keep_failures(folder: Path, pictures: HoldOut, scores: np.ndarray) -> None:
    """The pictures that the challenger reads wrongly, the surest mistake first."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob('*.png'):
        old.unlink()
    read = scores.argmax(axis=1)
    wrong = np.flatnonzero(read != pictures.labels)
    for rank, row in enumerate(sorted(wrong, key=lambda each: -scores[each].max())[:FAILURES]):
        name = f'{rank:02}-{pictures.slices[row]}-{pictures.labels[row]}-read-as-{read[row]}.png'
        pictures.images[row].save(folder / name)

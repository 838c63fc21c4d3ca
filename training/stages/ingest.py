"""Stage 1: captured images that somebody has labelled, into a data set with a manifest of digests.

Read is the layout that the service writes, `<model>/<version>/<day>/`: `<id>.<ext>` the image, `<id>.json` what was
answered, `<id>.feedback.json` what is right. The same captures give the same data set, byte for byte.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from stages.settings import Refusal, Settings, read_json, require, sha256_of, write_json
from stages.store import Store, open_store

FEEDBACK = '.feedback.json'
MOST_IMAGES = 50_000
MOST_IMAGE_BYTES = 20 * 1024 * 1024
MOST_RECORD_BYTES = 1024 * 1024
HOLD_OUT_PERCENT = 25
"""Of captured images, chosen by their digest: an image that is once held out is never trained on."""
READERS = 10
"""Images that are read at once, as many as boto3 keeps connections: however small, an object of S3 takes its time."""
ENDINGS = ('.png', '.jpg', '.jpeg', '.webp', '.gif', '.bmp', '.tif', '.tiff', '.avif', '.bin')


@dataclass(frozen=True)
class Entry:
    """One image of the data set.

    part: `train` or `hold_out`; seen: how often these very bytes were captured; sampled: taken by chance, not for an
    answer that was uncertain; answer and score: the label that the service gave, and how sure it was (0..1), where the
    capture says so.
    """

    file: str
    sha256: str
    bytes: int
    label: str
    part: str
    captured_at: str
    seen: int
    sampled: bool
    answer: str | None
    score: float | None


def ingest(settings: Settings) -> list[Entry]:
    """Writes `settings.data`; a Refusal where nothing is labelled."""
    store = open_store(settings.source)
    entries, unlabelled = _collect(store, set(store.names(settings.model)), settings.data)
    if not entries:
        raise Refusal(f'no labelled image of {settings.model} in {settings.source} ({unlabelled} without a label)')
    _write_manifest(settings, entries, unlabelled)
    parts = [entry.part for entry in entries]
    print(f'{parts.count("train")} images to train on, {parts.count("hold_out")} held out, {unlabelled} unlabelled')
    return entries


def read_data(folder: Path) -> list[Entry]:
    """The entries of the data set in `folder`."""
    return [Entry(**entry) for entry in read_json(folder / 'manifest.json', 'ingest')['images']]


def data_digest(folder: Path) -> str:
    """SHA-256 of the manifest, which names the digest of every image."""
    return sha256_of(require(folder / 'manifest.json', 'ingest').read_bytes())


def _collect(store: Store, names: set[str], folder: Path) -> tuple[list[Entry], int]:
    """The entries in the order of their digests, and how many images have no label."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / 'images').mkdir(parents=True)
    entries: dict[str, tuple[str, Entry]] = {}
    unlabelled = 0
    for image in _read_all(store, names):
        if len(entries) >= MOST_IMAGES:
            break
        if 'label' not in image.truth:
            unlabelled += 1
        elif image.data is not None:
            entry = _entry(image, image.data)
            (folder / entry.file).write_bytes(image.data)
            given_at = str(image.truth.get('given_at', ''))
            entries[entry.sha256] = _merged(entries.get(entry.sha256), (given_at, entry))
    return sorted((entry for _, entry in entries.values()), key=lambda entry: entry.sha256), unlabelled


@dataclass(frozen=True)
class _Captured:
    """What there is of one image: read in full only where somebody has labelled it."""

    name: str
    truth: dict[str, Any]
    data: bytes | None = None
    record: dict[str, Any] = field(default_factory=dict)


def _read_all(store: Store, names: set[str]) -> Iterator[_Captured]:
    """In the order of `_with_feedback`; in memory are never more than READERS."""
    images = _with_feedback(names)
    with ThreadPoolExecutor(READERS) as readers:
        while chunk := list(islice(images, READERS)):
            yield from readers.map(lambda image: _read(store, *image), chunk)


def _read(store: Store, image: str, feedback: str | None) -> _Captured:
    truth = _record(store, feedback) if feedback else {}
    if 'label' not in truth:
        return _Captured(image, truth)
    data = store.read(image, MOST_IMAGE_BYTES)
    record = {} if data is None else _record(store, f'{_stem(image)}.json')
    return _Captured(image, truth, data, record)


def _merged(before: tuple[str, Entry] | None, other: tuple[str, Entry]) -> tuple[str, Entry]:
    """Of two captures of the same bytes, with the times at which they were labelled: the latest label counts."""
    if before is None:
        return other
    given_at, entry = max(before, other, key=lambda each: each[0])
    return given_at, replace(entry, file=before[1].file, seen=before[1].seen + 1)


def _with_feedback(names: set[str]) -> Iterator[tuple[str, str | None]]:
    """Each image, the latest day first, with its feedback.

    That lies beside the image; or, where it came to a process that did not know the answer, in the folder of the day
    on which it came and the version that then served.
    """
    images = sorted((name for name in names if _is_image(name)), key=lambda name: (_day(name), name), reverse=True)
    beside = {_stem(name) + FEEDBACK for name in images}
    elsewhere: dict[str, list[str]] = {}
    for name in sorted(names - beside, key=lambda each: (_day(each), each)):
        if name.endswith(FEEDBACK):
            elsewhere.setdefault(name.rpartition('/')[2], []).append(name)
    for image in images:
        own = _stem(image) + FEEDBACK
        if own in names:
            yield image, own
            continue
        later = elsewhere.get(own.rpartition('/')[2], [])
        yield image, later.pop() if later and _day(later[-1]) >= _day(image) else None


def _is_image(name: str) -> bool:
    return name.lower().endswith(ENDINGS)


def _stem(image: str) -> str:
    return image.rpartition('.')[0]


def _day(name: str) -> str:
    return name.split('/')[2] if name.count('/') > 2 else ''


def _entry(image: _Captured, data: bytes) -> Entry:
    digest = sha256_of(data)
    answer, score = _answer(image.record.get('answer'))
    held_out = int(digest[:8], 16) % 100 < HOLD_OUT_PERCENT
    return Entry(
        file=f'images/{digest}.{image.name.rpartition(".")[2].lower()}',
        sha256=digest,
        bytes=len(data),
        label=str(image.truth['label']),
        part='hold_out' if held_out else 'train',
        captured_at=str(image.record.get('captured_at', '')),
        seen=1,
        sampled=image.record.get('why') != 'uncertain',
        answer=answer,
        score=score,
    )


def _record(store: Store, name: str) -> dict[str, Any]:
    """A JSON object; an empty one where the file is not there or holds something else."""
    try:
        value = json.loads(store.read(name, MOST_RECORD_BYTES) or b'')
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _answer(answer: object) -> tuple[str | None, float | None]:
    """Label and score of the first prediction."""
    predictions = answer.get('predictions') if isinstance(answer, dict) else answer
    best = predictions[0] if isinstance(predictions, list) and predictions else None
    if not isinstance(best, dict) or not isinstance(best.get('score'), int | float):
        return None, None
    return str(best.get('label')), float(best['score'])


def _write_manifest(settings: Settings, entries: list[Entry], unlabelled: int) -> None:
    body = {
        'schema_version': 1,
        'model': settings.model,
        'unlabelled': unlabelled,
        'images': [asdict(entry) for entry in entries],
    }
    write_json(settings.data / 'manifest.json', body)

"""Stage 2: refuses data that would spoil a model; its report is a page with pictures."""

from __future__ import annotations

import numpy as np

from data import load_split
from evaluate import plain_sets
from stages.champion import champion_folder, read_about
from stages.checks import (
    Check,
    check_agreement,
    check_balance,
    check_camera,
    check_duplicates,
    check_files,
    check_frozen,
    check_labels,
)
from stages.frames import Frame, Unreadable, perceptual_hash, read_frame
from stages.ingest import Entry, data_digest, read_data
from stages.report import report
from stages.settings import Refusal, Settings, read_json, write_json


def validate(settings: Settings) -> None:
    """Writes report.html and validation.json; a Refusal that names every check that failed."""
    entries = read_data(settings.data)
    labels = read_about(champion_folder(settings))['output']['labels']
    frames = [read_frame(settings.data, entry) for entry in entries]
    checks = run_checks(frames, labels, base_hold_out())
    accepted = accept(entries, checks)
    write_json(settings.validation / 'validation.json', _summary(settings, checks, accepted))
    page = report(settings.data, checks, accepted)
    (settings.validation / 'report.html').write_text(page, encoding='utf-8')
    for check in checks:
        print(f'{"REFUSED" if check.refused else "ok     "} {check.name}: {check.says}')
    refused = [f'{check.name}: {check.says}' for check in checks if check.refused]
    if refused:
        raise Refusal(f'the data is refused: {"; ".join(refused)}')


def run_checks(read: list[Frame | Unreadable], labels: list[str], base: np.ndarray) -> list[Check]:
    """All checks; what one has set aside, the next do not see. base: hashes [N, 4] of the base hold-out."""
    unreadable = [each for each in read if isinstance(each, Unreadable)]
    frames = [each for each in read if isinstance(each, Frame)]
    checks = [check_files(len(read), unreadable)]
    for look in (lambda left: check_labels(left, labels), check_camera, check_frozen):
        checks.append(look(frames))
        frames = _without(frames, checks[-1])
    checks.append(check_duplicates(frames, base))
    left = [frame.entry for frame in _without(frames, checks[-1])]
    return [*checks, check_balance(left, labels), check_agreement(left)]


def _without(frames: list[Frame], check: Check) -> list[Frame]:
    aside = {finding.entry.sha256 for finding in check.aside}
    return [frame for frame in frames if frame.entry.sha256 not in aside]


def accept(entries: list[Entry], checks: list[Check]) -> list[Entry]:
    """What no check has set aside."""
    aside = {finding.entry.sha256 for check in checks for finding in check.aside}
    return [entry for entry in entries if entry.sha256 not in aside]


def base_hold_out() -> np.ndarray:
    """Hashes [N, 4] of the held-out scans in their plain renderings: nobody may learn them by sending them in."""
    images = [image for images in plain_sets(load_split()[1]).values() for image in images]
    return np.array([perceptual_hash(image) for image in images])


def read_accepted(settings: Settings) -> list[Entry]:
    """The entries that may be used; a Refusal where validation has not passed, or was of other data."""
    validation = read_json(settings.validation / 'validation.json', 'validate')
    if validation['refused'] or validation['data'] != data_digest(settings.data):
        raise Refusal(f'{settings.data} has not passed `loop.py validate`')
    accepted = set(validation['accepted'])
    return [entry for entry in read_data(settings.data) if entry.sha256 in accepted]


def _summary(settings: Settings, checks: list[Check], accepted: list[Entry]) -> dict[str, object]:
    return {
        'schema_version': 1,
        'data': data_digest(settings.data),
        'refused': any(check.refused for check in checks),
        'checks': [
            {'name': each.name, 'refused': each.refused, 'says': each.says, 'aside': len(each.aside)} for each in checks
        ],
        'accepted': [entry.sha256 for entry in accepted],
    }

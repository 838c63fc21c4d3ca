import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from captures import capture, captured_digits, png
from PIL import Image

from data import load_split
from evaluate import plain_sets
from stages.checks import NEAR, check_balance
from stages.frames import bits_between, decode, perceptual_hash
from stages.ingest import Entry, ingest, read_data
from stages.settings import Refusal, Settings
from stages.validate import accept, base_hold_out, read_accepted, run_checks, validate

COUNT = 160
LABELS = [str(digit) for digit in range(10)]


@pytest.fixture(scope='module')
def digits() -> list[tuple[Image.Image, int]]:
    return captured_digits(COUNT)


@pytest.fixture(scope='module')
def base() -> np.ndarray:
    return base_hold_out()


@pytest.fixture
def settings(tmp_path: Path, digits: list[tuple[Image.Image, int]]) -> Settings:
    """Sound captures: the answers were unsure, and about as often right as not."""
    made = Settings(work=tmp_path / 'work', source=str(tmp_path / 'captures'))
    for index, (image, label) in enumerate(digits):
        answer = (str(label if index % 2 else (label + 1) % 10), 0.97 if index % 2 else 0.5)
        capture(Path(made.source), f'r{index:03}', png(image), str(label), answer)
    return made


@pytest.fixture
def checked(
    settings: Settings, base: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], tuple[dict[str, str], list[Entry]]]:
    """Ingests and validates: the sentences of the checks that refuse, by name, and what is accepted."""
    monkeypatch.setattr('stages.validate.base_hold_out', lambda: base)

    def check() -> tuple[dict[str, str], list[Entry]]:
        ingest(settings)
        try:
            validate(settings)
        except Refusal as refusal:
            told = json.loads((settings.validation / 'validation.json').read_text(encoding='utf-8'))
            refused = {each['name']: each['says'] for each in told['checks'] if each['refused']}
            assert all(name in str(refusal) for name in refused)
            with pytest.raises(Refusal, match='has not passed'):
                read_accepted(settings)
            return refused, []
        return {}, read_accepted(settings)

    return check


def spoil(settings: Settings, count: int, change: Callable[[bytes, int], bytes]) -> None:
    for index, path in enumerate(sorted(Path(settings.source).rglob('*.png'))[:count]):
        path.write_bytes(change(path.read_bytes(), index))


def relabel(settings: Settings, count: int, change: Callable[[str], str]) -> None:
    for path in sorted(Path(settings.source).rglob('*.feedback.json'))[:count]:
        told = json.loads(path.read_text(encoding='utf-8'))
        path.write_text(json.dumps({**told, 'label': change(told['label'])}), encoding='utf-8')


def flat(level: int) -> Callable[[bytes, int], bytes]:
    """Each a little different, as a sensor's noise makes it."""

    def change(_: bytes, index: int) -> bytes:
        noise = np.random.default_rng(index).normal(level, 1, (40, 40))
        return png(Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)))

    return change


def test_sound_data_of_a_drifted_camera_passes(settings: Settings, checked: Callable) -> None:
    refused, accepted = checked()
    assert refused == {}
    assert len(accepted) > 0.95 * COUNT


def test_the_report_shows_pictures_and_needs_nothing_else(settings: Settings, checked: Callable) -> None:
    relabel(settings, 2, lambda _: '<script>')
    checked()
    page = (settings.validation / 'report.html').read_text(encoding='utf-8')
    assert page.count('<img alt="" src="data:image/png;base64,') >= 20
    assert '<script>' not in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)


@pytest.mark.parametrize('cut', [lambda data, _: data[: len(data) // 2], lambda data, _: b'no image', lambda *_: b''])
def test_corrupt_files_are_refused_a_few_set_aside(settings: Settings, checked: Callable, cut: Callable) -> None:
    spoil(settings, 1, cut)
    refused, accepted = checked()
    assert refused == {}
    assert 0 < len(accepted) < COUNT
    spoil(settings, 12, lambda data, index: cut(data, index) + bytes([index]))
    assert checked()[0].keys() == {'files'}


def test_a_file_that_changed_after_it_was_ingested_is_found(settings: Settings, base: np.ndarray) -> None:
    from stages.frames import Unreadable, read_frame

    entries = ingest(settings)
    (settings.data / entries[0].file).write_bytes((settings.data / entries[1].file).read_bytes())
    assert isinstance(read_frame(settings.data, entries[0]), Unreadable)


def test_an_image_of_16_bits_is_seen_as_the_service_sees_it(digits: list[tuple[Image.Image, int]]) -> None:
    grey = np.asarray(digits[0][0].convert('L'))
    data = png(Image.fromarray(grey.astype(np.uint16) << 8 | 0x7F))
    assert (np.asarray(decode(data).convert('L')) == grey).all()


def test_labels_outside_the_set_are_refused_a_few_set_aside(settings: Settings, checked: Callable) -> None:
    relabel(settings, 2, lambda _: 'a cat')
    refused, accepted = checked()
    assert refused == {}
    assert {entry.label for entry in accepted} == set(LABELS)
    relabel(settings, 10, lambda _: '10')
    assert checked()[0].keys() == {'labels'}


@pytest.mark.parametrize('level', [0, 128, 255])
def test_a_camera_that_sends_black_grey_or_white_is_refused(settings: Settings, checked: Callable, level: int) -> None:
    spoil(settings, 4, flat(level))
    assert checked()[0] == {}
    spoil(settings, 20, flat(level))
    assert checked()[0].keys() == {'camera'}


def test_a_frozen_camera_is_refused_be_its_frames_the_same_bytes_or_nearly(
    settings: Settings, checked: Callable, digits: list[tuple[Image.Image, int]]
) -> None:
    image = digits[0][0].resize((64, 64))
    spoil(settings, 30, lambda *_: png(image))
    assert 'frozen' in checked()[0]

    def noisy(_: bytes, index: int) -> bytes:
        noise = np.random.default_rng(index).normal(0, 1, (64, 64))
        return png(Image.fromarray(np.clip(np.asarray(image, float) + noise, 0, 255).astype(np.uint8)))

    spoil(settings, 30, noisy)
    assert 'frozen' in checked()[0]


def test_pictures_of_the_hold_out_are_not_trained_on(settings: Settings, checked: Callable) -> None:
    """Saved anew as a small JPEG: the bytes are others, the picture is not."""
    held = plain_sets(load_split()[1])['bicubic_dark_on_light']

    def change(_: bytes, index: int) -> bytes:
        buffer = io.BytesIO()
        held[index].resize((48, 48)).save(buffer, 'JPEG', quality=80)
        return buffer.getvalue()

    spoil(settings, 4, change)
    refused, accepted = checked()
    assert refused == {}
    before = {entry.sha256 for entry in read_data(settings.data) if entry.part == 'train'}
    assert len(before - {entry.sha256 for entry in accepted}) >= 1
    spoil(settings, 40, change)
    assert checked()[0].keys() == {'duplicates'}


def test_a_class_that_is_missing_is_refused(settings: Settings, checked: Callable) -> None:
    for path in Path(settings.source).rglob('*.feedback.json'):
        if json.loads(path.read_text(encoding='utf-8'))['label'] == '4':
            path.unlink()
    assert checked()[0].keys() == {'balance'}


@pytest.mark.parametrize(('most', 'refused'), [(50, False), (51, True)])
def test_a_label_ten_times_as_frequent_as_the_rarest_is_the_most(most: int, refused: bool) -> None:
    def entries(label: str, part: str, count: int) -> list[Entry]:
        return [Entry('', '', 0, label, part, '', 1, True, None, None)] * count

    train = [entry for label in LABELS for entry in entries(label, 'train', most if label == '3' else 5)]
    check = check_balance([*train, *entries('4', 'hold_out', 100)], LABELS)
    assert check.refused is refused
    assert ('10 to 1' in check.says) is refused


def test_too_few_images_are_refused(settings: Settings, checked: Callable) -> None:
    for path in sorted(Path(settings.source).rglob('*.feedback.json'))[40:]:
        path.unlink()
    assert 'balance' in checked()[0]


@pytest.mark.parametrize('wrong', [lambda label: str((int(label) + 1) % 10), lambda _: '3'])
def test_labels_that_contradict_what_the_service_was_sure_of_are_refused(
    settings: Settings, checked: Callable, wrong: Callable[[str], str]
) -> None:
    relabel(settings, 20, wrong)
    assert checked()[0] == {}
    relabel(settings, COUNT, wrong)
    assert 'agreement' in checked()[0]


def test_pictures_of_other_digits_are_hardly_taken_for_duplicates() -> None:
    training, held_out = load_split()
    one, other = (
        np.array([perceptual_hash(image) for image in plain_sets(scans)['bicubic_dark_on_light']])
        for scans in (training, held_out)
    )
    near = [bits_between(other, each).min() <= NEAR for each in one]
    assert np.mean(near) < 0.02


def test_no_images_at_all_are_refused_by_every_check_that_counts() -> None:
    checks = run_checks([], LABELS, np.zeros((0, 4), np.uint64))
    assert [check.name for check in checks if check.refused] == ['balance']
    assert accept([], checks) == []

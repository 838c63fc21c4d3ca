from pathlib import Path

import pytest
from captures import capture, captured_digits, png

from stages.ingest import data_digest, ingest, read_data
from stages.reference import LEAST, NEWEST, newest, pick_pictures
from stages.settings import Refusal, Settings, write_json

DIGITS = captured_digits(12)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(work=tmp_path / 'work', source=str(tmp_path / 'captures'))
    (tmp_path / 'captures').mkdir()
    return made


def captured_on(settings: Settings, days: range, why: str = 'sampled') -> None:
    """A different image on each of these days of November."""
    for day in days:
        image, digit = DIGITS[day % len(DIGITS)]
        data = png(image) + bytes([day])
        capture(Path(settings.source), f'{why}{day}', data, str(digit), at=f'2026-11-{day:02}T00:00:00Z', why=why)


def accepted(settings: Settings, without: int = 0) -> None:
    """Validation has passed, and set the first ones aside."""
    entries = ingest(settings)
    told = {'refused': False, 'data': data_digest(settings.data), 'accepted': [e.sha256 for e in entries[without:]]}
    write_json(settings.validation / 'validation.json', told)


def test_what_validation_accepted_is_picked_and_base_pictures_make_up_the_rest(settings: Settings) -> None:
    captured_on(settings, range(1, 6))
    accepted(settings, without=2)
    for _ in range(2):
        pick_pictures(settings)
        names = {path.name for path in settings.reference.iterdir()}
        assert len(names) == LEAST
        kept = {Path(entry.file).name for entry in read_data(settings.data)[2:]}
        assert {name for name in names if not name.startswith('base-')} == kept


def test_images_kept_for_an_uncertain_answer_are_not_picked(settings: Settings) -> None:
    captured_on(settings, range(1, 3), why='uncertain')
    captured_on(settings, range(3, 5))
    ingest(settings)
    assert [entry.captured_at[:10] for entry in newest(read_data(settings.data))] == ['2026-11-03', '2026-11-04']


def test_no_more_than_the_newest_are_picked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LEAST <= NEWEST
    monkeypatch.setattr('stages.reference.NEWEST', 3)
    captured_on(settings, range(1, 10))
    ingest(settings)
    assert sorted(entry.captured_at[8:10] for entry in newest(read_data(settings.data))) == ['07', '08', '09']


def test_nothing_is_picked_of_data_that_validation_refused(settings: Settings) -> None:
    captured_on(settings, range(1, 3))
    accepted(settings)
    captured_on(settings, range(3, 5))
    ingest(settings)
    with pytest.raises(Refusal, match='has not passed'):
        pick_pictures(settings)

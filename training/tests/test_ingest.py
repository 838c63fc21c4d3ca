from pathlib import Path

import boto3
import pytest
from captures import capture
from moto import mock_aws

from stages.ingest import data_digest, ingest, read_data
from stages.settings import Refusal, Settings, sha256_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(work=tmp_path / 'work', source=str(tmp_path / 'captures'))


def test_labelled_images_become_a_data_set_with_their_digests(settings: Settings) -> None:
    capture(Path(settings.source), 'one', b'first', '3', ('8', 0.4))
    capture(Path(settings.source), 'two-1', b'second', '5', ending='jpg')
    capture(Path(settings.source), 'three', b'third', None)
    ingest(settings)
    entries = {entry.label: entry for entry in read_data(settings.data)}
    assert entries.keys() == {'3', '5'}
    assert (entries['3'].answer, entries['3'].score) == ('8', 0.4)
    for entry in entries.values():
        data = (settings.data / entry.file).read_bytes()
        assert (entry.sha256, entry.bytes) == (sha256_of(data), len(data))


def test_the_same_captures_give_the_same_data_set(settings: Settings, tmp_path: Path) -> None:
    for index in range(20):
        capture(Path(settings.source), f'r{index}', f'image {index}'.encode(), str(index % 10))
    ingest(settings)
    first = data_digest(settings.data)
    ingest(settings)
    assert data_digest(settings.data) == first
    capture(Path(settings.source), 'new', b'new', '1')
    ingest(settings)
    assert data_digest(settings.data) != first


def test_an_image_stays_held_out_whatever_comes_later(settings: Settings) -> None:
    for index in range(40):
        capture(Path(settings.source), f'r{index}', f'image {index}'.encode(), '1')
    ingest(settings)
    before = {entry.sha256: entry.part for entry in read_data(settings.data)}
    for index in range(40, 80):
        capture(Path(settings.source), f'a{index}', f'image {index}'.encode(), '1')
    ingest(settings)
    after = {entry.sha256: entry.part for entry in read_data(settings.data)}
    assert set(before.values()) == {'train', 'hold_out'}
    assert before.items() <= after.items()


def test_the_same_bytes_are_kept_once_and_counted(settings: Settings) -> None:
    for index in range(3):
        capture(Path(settings.source), f'r{index}', b'frozen', '1')
    ingest(settings)
    (entry,) = read_data(settings.data)
    assert entry.seen == 3


def test_records_that_are_no_json_do_not_stop_it(settings: Settings) -> None:
    capture(Path(settings.source), 'one', b'first', '3')
    record = next(Path(settings.source).rglob('one.json'))
    record.write_text('{cut off', encoding='utf-8')
    ingest(settings)
    (entry,) = read_data(settings.data)
    assert (entry.label, entry.answer, entry.captured_at) == ('3', None, '')


@pytest.mark.parametrize('source', ['', '/nowhere'])
def test_a_source_that_is_no_folder_is_refused(settings: Settings, source: str) -> None:
    with pytest.raises(Refusal, match='neither a folder nor s3'):
        ingest(Settings(work=settings.work, source=source))


def test_captures_without_any_label_are_refused(settings: Settings) -> None:
    capture(Path(settings.source), 'one', b'first', None)
    with pytest.raises(Refusal, match='no labelled image'):
        ingest(settings)


@mock_aws
def test_a_bucket_gives_the_same_data_set_as_a_folder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'us-east-1')
    for index in range(5):
        capture(Path(settings.source), f'r{index}', f'image {index}'.encode(), str(index))
    client = boto3.client('s3')
    client.create_bucket(Bucket='captures')
    for path in Path(settings.source).rglob('*.*'):
        if path.is_file():
            client.upload_file(str(path), 'captures', f'on/{path.relative_to(settings.source).as_posix()}')
    ingest(settings)
    there = Settings(work=settings.work / 'there', source='s3://captures/on')
    ingest(there)
    assert data_digest(there.data) == data_digest(settings.data)

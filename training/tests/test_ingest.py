import json
from pathlib import Path
from threading import Barrier

import boto3
import pytest
from captures import capture
from moto import mock_aws

from stages.ingest import READERS, data_digest, ingest, read_data
from stages.settings import Refusal, Settings, sha256_of, write_json
from stages.store import BucketStore, FolderStore
from stages.validate import read_accepted


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


def test_images_are_read_many_at_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(READERS):
        capture(Path(settings.source), f'r{index}', f'image {index}'.encode(), '1')
    all_of_them, read = Barrier(READERS, timeout=10), FolderStore.read

    def read_together(store: FolderStore, name: str, most_bytes: int) -> bytes | None:
        if name.endswith('.png'):
            all_of_them.wait()
        return read(store, name, most_bytes)

    monkeypatch.setattr(FolderStore, 'read', read_together)
    ingest(settings)
    assert len(read_data(settings.data)) == READERS


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


@pytest.mark.parametrize('source', ['', '/nowhere', 's3://', 's3:///prefix'])
def test_a_source_that_is_no_folder_is_refused(settings: Settings, source: str) -> None:
    with pytest.raises(Refusal, match='neither a folder nor s3'):
        ingest(Settings(work=settings.work, source=source))


@mock_aws
def test_a_bucket_that_is_not_there_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'us-east-1')
    with pytest.raises(Refusal, match="there is no bucket 'nowhere'"):
        ingest(Settings(work=settings.work, source='s3://nowhere/captures'))


def test_captures_without_any_label_are_refused(settings: Settings) -> None:
    capture(Path(settings.source), 'one', b'first', None)
    with pytest.raises(Refusal, match='no labelled image'):
        ingest(settings)


def feedback_elsewhere(settings: Settings, name: str, label: str, day: str) -> None:
    """As it comes to a process of another version, which does not know the answer."""
    path = Path(settings.source, 'digits', '1.1.0', day, f'{name}.feedback.json')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({'request_id': name, 'label': label, 'given_at': f'{day}T12:00:00Z'}), encoding='utf-8')


def test_feedback_that_came_to_another_version_or_on_a_later_day_finds_its_image(settings: Settings) -> None:
    capture(Path(settings.source), 'one', b'first', None)
    feedback_elsewhere(settings, 'one', '7', '2026-11-29')
    ingest(settings)
    (entry,) = read_data(settings.data)
    assert entry.label == '7'


def test_feedback_alone_is_of_the_latest_image_before_it_that_has_its_request_id(settings: Settings) -> None:
    for day, data in {'2026-11-18': b'before', '2026-11-20': b'meant', '2026-11-22': b'after'}.items():
        capture(Path(settings.source), 'one', data, None, at=f'{day}T00:00:00Z')
    feedback_elsewhere(settings, 'one', '7', '2026-11-21')
    ingest(settings)
    (entry,) = read_data(settings.data)
    assert entry.sha256 == sha256_of(b'meant')


def test_feedback_on_an_image_that_was_not_kept_labels_nothing(settings: Settings) -> None:
    capture(Path(settings.source), 'one', b'first', '3')
    feedback_elsewhere(settings, 'another', '7', '2026-11-20')
    ingest(settings)
    assert [entry.label for entry in read_data(settings.data)] == ['3']


@pytest.mark.parametrize('feedback', ['', '{cut off', '[]', '{"objects": []}'])
def test_feedback_without_a_label_is_none(settings: Settings, feedback: str) -> None:
    capture(Path(settings.source), 'one', b'first', '3')
    capture(Path(settings.source), 'two', b'second', '3')
    next(Path(settings.source).rglob('two.feedback.json')).write_text(feedback, encoding='utf-8')
    ingest(settings)
    assert json.loads((settings.data / 'manifest.json').read_text(encoding='utf-8'))['unlabelled'] == 1


@pytest.mark.parametrize(('first', 'second'), [('a', 'b'), ('b', 'a')])
def test_of_the_same_bytes_the_latest_label_counts(settings: Settings, first: str, second: str) -> None:
    capture(Path(settings.source), first, b'same', '3', at='2026-11-20T08:00:00Z')
    capture(Path(settings.source), second, b'same', '5', at='2026-11-20T09:00:00Z')
    ingest(settings)
    (entry,) = read_data(settings.data)
    assert (entry.label, entry.seen) == ('5', 2)


def test_an_image_that_retention_removes_meanwhile_is_left_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('one', 'two'):
        capture(Path(settings.source), name, name.encode(), '3')
    listed = FolderStore.names

    def names(store: FolderStore, under: str) -> list[str]:
        found = list(listed(store, under))
        next(Path(settings.source).rglob('one.png')).unlink()
        return found

    monkeypatch.setattr(FolderStore, 'names', names)
    ingest(settings)
    assert [entry.sha256 for entry in read_data(settings.data)] == [sha256_of(b'two')]


def test_an_ingest_that_was_interrupted_leaves_nothing_to_train_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('one', 'two'):
        capture(Path(settings.source), name, name.encode(), '3')
    ingest(settings)
    passed = {'refused': False, 'data': data_digest(settings.data), 'accepted': []}
    write_json(settings.validation / 'validation.json', passed)

    def fail(*_: object) -> bytes:
        raise OSError('connection reset')

    monkeypatch.setattr('stages.ingest._entry', fail)
    with pytest.raises(OSError, match='connection reset'):
        ingest(settings)
    with pytest.raises(Refusal, match=r'run `loop\.py ingest` first'):
        read_accepted(settings)


@mock_aws
def test_a_bucket_gives_what_is_there_be_it_empty_and_nothing_where_nothing_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('AWS_DEFAULT_REGION', 'us-east-1')
    client = boto3.client('s3')
    client.create_bucket(Bucket='captures')
    client.put_object(Bucket='captures', Key='empty', Body=b'')
    client.put_object(Bucket='captures', Key='long', Body=b'0123456789')
    store = BucketStore('captures', '')
    assert [store.read(name, 4) for name in ('empty', 'long', 'gone')] == [b'', b'0123', None]


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

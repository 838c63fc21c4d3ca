"""Where captured images lie: a folder, or a prefix of an S3 bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from stages.settings import Refusal


class Store(Protocol):
    """Objects by name; a name is a path with slashes, relative to the store."""

    def names(self, under: str) -> Iterator[str]:
        """Of all objects below the folder `under`."""

    def read(self, name: str, most_bytes: int) -> bytes | None:
        """At most `most_bytes` of the object; None where there is none: captures are removed when they are old."""


class FolderStore:
    """On this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self, under: str) -> Iterator[str]:
        for path in (self.folder / under).rglob('*'):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(self.folder).as_posix()

    def read(self, name: str, most_bytes: int) -> bytes | None:
        try:
            with (self.folder / name).open('rb') as file:
                return file.read(most_bytes)
        except FileNotFoundError:
            return None


class BucketStore:
    """In S3; endpoint, region and credentials are boto3's (AWS_ENDPOINT_URL, AWS_REGION, ...)."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3

        self.client: Any = boto3.client('s3')
        self.bucket = bucket
        self.prefix = f'{prefix.strip("/")}/' if prefix.strip('/') else ''

    def names(self, under: str) -> Iterator[str]:
        pages = self.client.get_paginator('list_objects_v2').paginate(
            Bucket=self.bucket, Prefix=f'{self.prefix}{under}/'
        )
        try:
            for page in pages:
                for entry in page.get('Contents', []):
                    yield entry['Key'].removeprefix(self.prefix)
        except self.client.exceptions.NoSuchBucket:
            raise Refusal(f'there is no bucket {self.bucket!r}') from None

    def read(self, name: str, most_bytes: int) -> bytes | None:
        try:
            with closing(self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)['Body']) as body:
                return body.read(most_bytes)
        except self.client.exceptions.NoSuchKey:
            return None


def open_store(source: str) -> Store:
    """A folder or `s3://bucket/prefix`."""
    bucket, _, prefix = source.removeprefix('s3://').partition('/')
    if source.startswith('s3://') and bucket:
        return BucketStore(bucket, prefix)
    if not source or not Path(source).is_dir():
        raise Refusal(f'--source {source!r} is neither a folder nor s3://bucket/prefix')
    return FolderStore(Path(source))

"""Copy both buckets to a folder and back: `buckets.py save|restore FOLDER`, `list PREFIX`.

It takes the functions' settings. A second `save` into the same folder fetches only what is new,
and removes what the buckets do not have any more. Keys can be anything, so a file is named by the
digest of its key and ETag, and FOLDER/<bucket>/index.ndjson says which is which. `restore` puts
back what the buckets lack, after it has compared each file with its SHA-256, and removes nothing.
Whatever fails can be run again and goes on where it was.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from common.config import Settings
from common.errors import ConfigurationError, NotFound, StoreUnavailable
from common.s3 import CHUNK_BYTES, S3ObjectStore
from common.s3_client import s3_client
from common.storage import ListedObject, ObjectStore

THREADS = 4
# Above this an object is stored as a stream, without its media type: models, but no picture that
# came by HTTP.
STREAMED_BYTES = 16 * 1024 * 1024
INDEX = "index.ndjson"


class DamagedBackup(Exception):
    """A file of the backup is not what it was when it was made, or is not there."""


@dataclass(frozen=True)
class Saved:
    """An object in the backup; `size` is in bytes."""

    key: str
    etag: str
    size: int
    content_type: str
    sha256: str

    def path(self, folder: Path) -> Path:
        return _path(folder, self.key, self.etag)


def save(store: ObjectStore, folder: Path) -> list[Saved]:
    """Bring `folder` to what the bucket holds, and say what that is.

    Raises StoreUnavailable; the backup that was there before is then still whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = {(each.key, each.etag): each for each in _read_index(folder)}

    def fetch(listed: ListedObject) -> Saved | None:
        saved = known.get((listed.key, listed.etag))
        if saved and saved.path(folder).is_file():
            return saved
        try:
            return _fetch(store, listed.key, folder)
        except NotFound:  # it was removed since it was listed
            return None

    with ThreadPoolExecutor(THREADS) as pool:
        found = [each for each in pool.map(fetch, store.list("")) if each is not None]
    _write_index(folder, found)
    kept = {each.path(folder) for each in found}
    for path in folder.glob("??/*"):
        if path not in kept:
            path.unlink()
    return found


def restore(store: ObjectStore, folder: Path) -> list[Saved]:
    """Put back what the bucket lacks, or has otherwise; say what that was.

    Raises DamagedBackup, having put back what comes before, and StoreUnavailable.
    """
    present = {(each.key, each.etag) for each in store.list("")}
    missing = [each for each in _read_index(folder) if (each.key, each.etag) not in present]
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(lambda each: _put_back(store, each, folder), missing):
            pass
    return missing


def _fetch(store: ObjectStore, key: str, folder: Path) -> Saved:
    found = store.get(key)
    path = _path(folder, key, found.writing.etag)
    path.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        for chunk in found.chunks:
            digest.update(chunk)
            file.write(chunk)
    os.replace(partial, path)
    return Saved(key, found.writing.etag, found.size, found.content_type, digest.hexdigest())


def _put_back(store: ObjectStore, saved: Saved, folder: Path) -> None:
    path = saved.path(folder)
    try:
        digest = _digest(path)
    except OSError as error:
        raise DamagedBackup(f"{path} of {saved.key}: {error.strerror}") from None
    if digest != saved.sha256:
        raise DamagedBackup(f"{path} of {saved.key} has another SHA-256 than when it was saved")
    if saved.size > STREAMED_BYTES:
        store.upload(saved.key, path)
    else:
        store.put(saved.key, path.read_bytes(), saved.content_type)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _path(folder: Path, key: str, etag: str) -> Path:
    name = hashlib.sha256(f"{etag}\0{key}".encode()).hexdigest()
    return folder / name[:2] / name


def _read_index(folder: Path) -> list[Saved]:
    index = folder / INDEX
    if not index.is_file():
        return []
    return [Saved(**json.loads(line)) for line in index.read_text("utf-8").split("\n") if line]


def _write_index(folder: Path, found: list[Saved]) -> None:
    partial = folder / f"{INDEX}.partial"
    partial.write_text("".join(f"{json.dumps(asdict(each))}\n" for each in found), "utf-8")
    os.replace(partial, folder / INDEX)


def _stores(settings: Settings) -> Iterator[tuple[str, ObjectStore]]:
    client = s3_client(settings, THREADS)
    for bucket in (settings.models_bucket_name, settings.minio_bucket_name):
        yield bucket, S3ObjectStore(client, bucket)


def main() -> None:
    """Raises ConfigurationError, StoreUnavailable, DamagedBackup and OSError."""
    parser = argparse.ArgumentParser("buckets.py", description="Copy both buckets and back.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("save", "restore"):
        commands.add_parser(name).add_argument("folder", type=Path)
    commands.add_parser("list").add_argument("prefix")
    options = parser.parse_args()
    settings = Settings.load()
    if options.command == "list":
        pictures = S3ObjectStore(s3_client(settings, 1), settings.minio_bucket_name)
        for each in pictures.list(options.prefix):
            print(f"{each.modified:%Y-%m-%dT%H:%M:%SZ} {each.size:>10} {each.key}")
        return
    for bucket, store in _stores(settings):
        folder = options.folder / bucket
        if options.command == "save":
            found = save(store, folder)
            print(f"{bucket}: {len(found)} objects, {sum(each.size for each in found)} bytes")
        elif not (folder / INDEX).is_file():
            raise DamagedBackup(f"{folder / INDEX} is not there")
        else:
            print(f"{bucket}: {len(restore(store, folder))} objects put back")


if __name__ == "__main__":
    try:
        main()
    except (ConfigurationError, StoreUnavailable, DamagedBackup, OSError) as error:
        sys.exit(f"buckets: {error}")

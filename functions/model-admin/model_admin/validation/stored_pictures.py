"""A random choice of stored pictures, for models that bring none to be calibrated with."""
from __future__ import annotations

import uuid
from pathlib import Path
from typing import Protocol

from common.db import Database, load_queries
from common.errors import NotFound
from common.storage import ObjectStore

MAX_PICTURES = 100
MAX_BYTES = 256 << 20

_queries = load_queries(Path(__file__).with_name("queries.sql"))


class PictureSource(Protocol):
    """Hands out pictures that users have sent."""

    def draw(self, folder: Path) -> None:
        """Write at most MAX_PICTURES pictures of MAX_BYTES in all to `folder`; none is no error.

        Raises DatabaseUnavailable and StoreUnavailable.
        """


class StoredPictures:
    """PictureSource on PostgreSQL and the bucket of the pictures."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    def draw(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        left = MAX_BYTES
        # The identifiers of images are random, so those that follow a random one are, too.
        with self._database.transaction() as connection:
            rows = [*_queries.sample_images(
                connection, start=uuid.uuid4(), count=MAX_PICTURES)]
        for number, row in enumerate(rows):
            if row["size_bytes"] > left:
                continue
            try:
                self._store.download(row["object_key"], folder / f"{number:03}")
            except NotFound:  # it was erased meanwhile
                (folder / f"{number:03}").unlink(missing_ok=True)
                continue
            left -= row["size_bytes"]

"""The object store, whatever keeps it: one interface, and what it hands out."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Writing:
    """One writing of an object: `etag` without quotes, `modified` in UTC, to the second.

    `version_id` is empty in a bucket without versions.
    """

    etag: str
    modified: datetime
    version_id: str = ""


@dataclass(frozen=True)
class StoredObject:
    """An object being read: its body in chunks, its size in bytes, its media type."""

    chunks: Iterator[bytes]
    size: int
    content_type: str
    writing: Writing

    def read(self, most: int) -> bytes:
        """The body; of one that has more than `most` bytes, enough to tell that it has."""
        data = bytearray()
        for chunk in self.chunks:
            data += chunk
            if len(data) > most:
                break
        return bytes(data)


@dataclass(frozen=True)
class ListedObject:
    """An object's key, when it was last written, in UTC, its size in bytes, and its ETag."""

    key: str
    modified: datetime
    size: int
    etag: str


@dataclass(frozen=True)
class ObjectVersion:
    """One of what was ever written under a key and not removed for good.

    A mark that the object was deleted counts as well; its `etag` is empty. `modified` is in UTC.
    """

    key: str
    version_id: str
    etag: str
    modified: datetime


@dataclass(frozen=True)
class PresignedPost:
    """A form that stores one object: its fields go first, the field `file` comes last."""

    url: str
    fields: dict[str, str]


class ObjectStore(Protocol):
    """Keeps byte strings under keys in one bucket.

    Every method raises StoreUnavailable when the store does not answer, and the reading ones
    NotFound when there is no such object.
    """

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Store `data`, replacing what was there."""

    def upload(self, key: str, path: Path) -> None:
        """Store a file of any size."""

    def get(self, key: str, version_id: str = "") -> StoredObject:
        """Open an object for reading; its chunks must be consumed or its iterator closed."""

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    def copy(
        self, source: str, key: str, content_type: str = "", writing: Writing | None = None
    ) -> None:
        """Copy an object within the store, as it is or with a media type of its own.

        Raises ObjectChanged if the source is not `writing` any more.
        """

    def download(self, key: str, path: Path) -> None:
        """Write an object of any size to a file."""

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """The objects whose keys begin with `prefix`, in the order of their keys."""

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """Every version of the objects whose keys begin with `prefix`, in the order of their
        keys; in a bucket without versions each object is its only one."""

    def delete(self, key: str, version_id: str = "") -> None:
        """Remove an object, or one version of it for good; what is not there is no error.

        In a bucket with versions, an object that is removed can still be read by its versions.
        """

    def delete_writing(self, key: str, writing: Writing) -> None:
        """Remove an object, but leave it if it was overwritten since."""

    def ping(self) -> None:
        """Return if the bucket can be reached."""

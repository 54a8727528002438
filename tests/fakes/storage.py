"""An object store in memory."""
from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from common.errors import NotFound, ObjectChanged, StoreUnavailable
from common.storage import ListedObject, ObjectVersion, StoredObject, Writing


class InMemoryObjectStore:
    """ObjectStore in a dictionary; `down` makes it unreachable.

    `before_put` runs at the start of every put, in the thread that stores.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.modified: dict[str, datetime] = {}
        self.down = False
        self.before_put: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def put(self, key: str, data: bytes, content_type: str) -> None:
        self.before_put()
        self.ping()
        with self._lock:
            self.objects[key] = (data, content_type)
            self.modified[key] = datetime.now(timezone.utc)

    def upload(self, key: str, path: Path) -> None:
        self.put(key, path.read_bytes(), "binary/octet-stream")

    def get(self, key: str, version_id: str = "") -> StoredObject:
        self.ping()
        try:
            data, content_type = self.objects[key]
        except KeyError:
            raise NotFound(f"There is no object {key}.") from None
        return StoredObject(iter([data]), len(data), content_type, self._writing(key))

    def exists(self, key: str) -> bool:
        self.ping()
        return key in self.objects

    def copy(
        self, source: str, key: str, content_type: str = "", writing: Writing | None = None
    ) -> None:
        stored = self.get(source)
        if writing is not None and stored.writing.etag != writing.etag:
            raise ObjectChanged()
        self.put(key, b"".join(stored.chunks), content_type or stored.content_type)

    def download(self, key: str, path: Path) -> None:
        path.write_bytes(b"".join(self.get(key).chunks))

    def list(self, prefix: str) -> Iterator[ListedObject]:
        self.ping()
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield ListedObject(
                    key, self.modified[key], len(self.objects[key][0]), self._writing(key).etag)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        for each in self.list(prefix):
            yield ObjectVersion(each.key, "null", each.etag, each.modified)

    def delete(self, key: str, version_id: str = "") -> None:
        self.ping()
        with self._lock:
            self.objects.pop(key, None)

    def delete_writing(self, key: str, writing: Writing) -> None:
        self.ping()
        if key in self.objects and self._writing(key).etag == writing.etag:
            self.delete(key)

    def _writing(self, key: str) -> Writing:
        etag = hashlib.md5(self.objects[key][0], usedforsecurity=False).hexdigest()
        modified = self.modified.setdefault(key, datetime.now(timezone.utc))
        return Writing(etag, modified.replace(microsecond=0))

    def ping(self) -> None:
        if self.down:
            raise StoreUnavailable()

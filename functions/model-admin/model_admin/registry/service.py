"""Registering and showing model versions."""
from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from common.audit import Origin
from common.errors import Conflict, ImgclassError, NotFound
from common.inference.manifest import parse_labels
from common.model_store import archive_key, labels_key, model_path
from common.storage import ObjectStore
from model_admin.registry.archive import ModelArchive, read_archive
from model_admin.registry.download import download_archive
from model_admin.registry.repository import NewVersion, Row, VersionRepository

log = logging.getLogger(__name__)


class ModelRegistry:
    """What an administrator does with model versions; `wake_validation` starts proving."""

    def __init__(
        self,
        repository: VersionRepository,
        store: ObjectStore,
        wake_validation: Callable[[], None],
        max_bytes: int,
    ) -> None:
        self._repository = repository
        self._store = store
        self._wake_validation = wake_validation
        self._max_bytes = max_bytes

    def register(self, path: Path, origin: Origin) -> tuple[Row, bool]:
        """Check and store an archive; its row, and whether it is new.

        The same archive may be registered again. Raises InvalidModel, and Conflict if its
        version belongs to another archive.
        """
        archive = read_archive(path, self._max_bytes)
        version = archive.manifest["version"]
        known = self._repository.find(version)
        if known is not None:
            return _same(known, archive), False
        folder = model_path(version, archive.digest)
        self._store.put(labels_key(folder), archive.labels, "text/plain; charset=utf-8")
        self._store.upload(archive_key(folder), path)
        created = self._repository.insert(NewVersion(
            version, folder, archive.manifest["name"], archive.digest, archive.size_bytes,
            archive.manifest, parse_labels(archive.labels.decode()), origin))
        row = self.find(version)
        if not created and row["digest"] != archive.digest:
            self._remove(folder)  # somebody else registered this version at the same time
        if created:
            log.info("model registered", extra={
                "model_version": version, "digest": archive.digest})
            self._wake_validation()
        return _same(row, archive), created

    def register_stored(self, key: str, origin: Origin) -> tuple[Row, bool]:
        """Register an archive that lies in the models bucket already; its object stays.

        Raises what `register` raises, NotFound, and PayloadTooLarge beyond the limit.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "archive.zip")
            download_archive(self._store, key, path, self._max_bytes)
            return self.register(path, origin)

    def find(self, version: str) -> Row:
        """All that is known of a version. Raises NotFound."""
        # No version has control characters, and PostgreSQL takes no NUL.
        row = self._repository.find(version) if version.isprintable() else None
        if row is None:
            raise NotFound(f"There is no model version {version}.")
        return row

    def list(self) -> list[Row]:
        """Every version, newest first."""
        return self._repository.list()

    def _remove(self, folder: str) -> None:
        try:
            self._store.delete(archive_key(folder))
            self._store.delete(labels_key(folder))
        except ImgclassError as error:
            log.warning("a rival archive is left behind in %s", folder, exc_info=error)


def _same(row: Row, archive: ModelArchive) -> Row:
    if row["digest"] != archive.digest:
        raise Conflict(
            f"Model version {row['version']} is registered with another archive, and a version "
            "never changes: choose another one in manifest.json.")
    return row

"""The files of registered models: fetched from the object store, checked, kept by digest."""
from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from common.digests import file_sha256
from common.errors import StoreUnavailable
from common.model_store import archive_key, labels_key, twin_key
from common.storage import ObjectStore


class ModelFiles:
    """A local cache; whatever is in it has been compared with its digest.

    `baked` is a second one, which is only read: the build of the image compared what is in it.
    """

    def __init__(self, store: ObjectStore, directory: Path, baked: Path | None = None) -> None:
        self._store = store
        self._directory = directory
        self._baked = baked

    def labels(self, path: str, digest: str) -> Path:
        """The labels.txt, with `digest`, of the model at `path`."""
        return self._file(labels_key(path), digest)

    def twin(self, path: str, digest: str) -> Path:
        """The LiteRT twin, with `digest`, of the model at `path`."""
        return self._file(twin_key(path), digest)

    def saved_model(self, path: str, digest: str) -> Path:
        """The SavedModel folder from the archive, with `digest`, of the model at `path`."""
        unpacked = self._directory / f"{digest}.unpacked"
        if not unpacked.is_dir():
            archive = self._file(archive_key(path), digest)
            self._directory.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=self._directory))
            try:
                # Its members were checked one by one when the archive was registered.
                with zipfile.ZipFile(archive) as opened:
                    opened.extractall(partial)
                os.replace(partial, unpacked)
            except Exception:  # a bad zip, a full disk: nothing half-unpacked may stay
                shutil.rmtree(partial)
                if not unpacked.is_dir():  # another process may have been quicker
                    raise
        return unpacked / "saved_model"

    def _file(self, key: str, digest: str) -> Path:
        """Raises StoreUnavailable if the object is not (yet) what its digest says."""
        path = self._directory / digest
        for known in (path, *([self._baked / digest] if self._baked else [])):
            if known.is_file():
                return known
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._directory, delete=False) as file:
            partial = Path(file.name)
        try:
            self._store.download(key, partial)
            if file_sha256(partial) != digest:
                raise StoreUnavailable(f"The object {key} does not have the digest {digest}.")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return path

"""The thread that proves registered models, one at a time."""
from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.background import BackgroundLoop
from common.digests import file_sha256
from common.errors import ImgclassError, InvalidModel, Unavailable
from common.inference.manifest import CALIBRATION, Manifest
from common.model_store import archive_key, twin_key
from common.storage import ObjectStore
from model_admin.registry.archive import read_archive, unpack_archive
from model_admin.validation.process import ValidationCrashed, validate
from model_admin.validation.repository import Claim, ClaimRepository
from model_admin.validation.stored_pictures import PictureSource

MAX_ATTEMPTS = 3
POLL_SECONDS = 5.0
# Renewed while a version is being proven, so that one whose worker died is soon taken up again.
LEASE_SECONDS = 30.0
RETRY_SECONDS = 10.0
MAX_REASON_CHARACTERS = 2000

log = logging.getLogger(__name__)


class ValidationWorker:
    """Claims versions from the database, so that none is forgotten whatever dies.

    A claim runs out; then this replica or another takes the version up again, and after
    MAX_ATTEMPTS it is rejected. An outage of the store is no attempt.
    """

    def __init__(
        self,
        repository: ClaimRepository,
        store: ObjectStore,
        timeout_seconds: float,
        max_bytes: int,
        threads: int,
        pictures: PictureSource | None = None,
    ) -> None:
        """Without `pictures` a model is calibrated only with those of its own archive."""
        self._repository = repository
        self._store = store
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._threads = threads
        self._pictures = pictures
        self._loop = BackgroundLoop("validation", "validation", self.run_once, POLL_SECONDS)

    def start(self) -> None:
        """Begin to look for versions to prove; returns at once."""
        self._loop.start()

    def wake(self) -> None:
        """Look again now: a version was registered."""
        self._loop.wake()

    def run_once(self) -> bool:
        """Prove one version; False if none waits. Raises DatabaseUnavailable."""
        claim = self._repository.claim(LEASE_SECONDS)
        if claim is None:
            return False
        if claim.attempts > MAX_ATTEMPTS:
            self._reject(claim, f"The validation was abandoned {MAX_ATTEMPTS} times.")
            return True
        try:
            with self._renewed(claim), tempfile.TemporaryDirectory() as folder:
                self._prove(claim, Path(folder))
        except InvalidModel as error:
            self._reject(claim, str(error))
        except Unavailable as error:
            log.warning(
                "validation postponed", exc_info=error, extra={"model_version": claim.version})
            self._repository.release(claim, RETRY_SECONDS, counts=False)
        except (ImgclassError, ValidationCrashed, OSError) as error:
            log.error("validation failed", exc_info=error, extra={"model_version": claim.version})
            if claim.attempts >= MAX_ATTEMPTS:
                self._reject(claim, f"The validation failed {claim.attempts} times: {error}")
            else:
                self._repository.release(claim, RETRY_SECONDS, counts=True)
        return True

    @contextmanager
    def _renewed(self, claim: Claim) -> Iterator[None]:
        """Hold the claim, from a thread, for as long as the block takes."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(LEASE_SECONDS / 3):
                try:
                    self._repository.renew(claim, LEASE_SECONDS)
                except Unavailable as error:
                    log.warning("a claim cannot be renewed", exc_info=error)

        keeper = threading.Thread(target=renew, name="validation-lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def _prove(self, claim: Claim, folder: Path) -> None:
        """Raises InvalidModel with the reason for a rejection."""
        path, twin = folder / "archive.zip", folder / "twin.tflite"
        self._store.download(archive_key(claim.model_path), path)
        archive = read_archive(path, self._max_bytes)
        if archive.digest != claim.digest:
            raise InvalidModel("The stored archive is not the one that was registered.")
        unpack_archive(archive, folder / "model")
        manifest = Manifest.from_json(archive.manifest)
        if self._pictures and manifest.quantize and not manifest.brings_calibration:
            self._pictures.draw(folder / "model" / CALIBRATION)
        report = validate(folder / "model", twin, self._timeout_seconds, self._threads)
        twin_digest = None
        if twin.is_file():
            twin_digest = file_sha256(twin)
            self._store.upload(twin_key(claim.model_path), twin)
        self._repository.conclude(claim, "ready", report, twin_digest)
        log.info("model ready", extra={
            "model_version": claim.version, "twin": twin_digest is not None})

    def _reject(self, claim: Claim, reason: str) -> None:
        reason = reason[:MAX_REASON_CHARACTERS].replace("\0", "?")  # names come from the model
        self._repository.conclude(claim, "rejected", {"reason": reason}, None)
        log.warning("model rejected: %s", reason, extra={"model_version": claim.version})

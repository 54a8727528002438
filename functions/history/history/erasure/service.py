"""Erasing pictures and users, for those who may."""
from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from common.audit import Origin
from common.auth import Principal
from common.errors import CommitUnknown, DatabaseUnavailable, NotFound
from history.erasure.repository import Begun, ErasureRepository
from history.erasure.worker import LEASE_SECONDS, ErasureWorker

# How long a request stays to remove objects; the rest is done in the background.
PATIENCE_SECONDS = 5.0

log = logging.getLogger(__name__)


class Erasures:
    """What a user, or an administrator for a user, has erased.

    Every method answers whether everything is gone. If not, the rows are, and the objects are
    removed as soon as the store lets us; whoever asks again hears how far it is. All raise
    DatabaseUnavailable.
    """

    def __init__(self, repository: ErasureRepository, worker: ErasureWorker) -> None:
        self._repository = repository
        self._worker = worker

    def erase_image(self, caller: Principal, image_id: uuid.UUID, origin: Origin) -> bool:
        """Erase a picture and all that was said of it.

        Raises NotFound, also for another user's unless the caller is an administrator.
        """
        with _repeatable():
            begun = self._repository.erase_image(
                image_id, None if caller.is_admin else caller.user_id, origin, LEASE_SECONDS)
        if begun is None:
            raise NotFound("There is no such image.")
        return self._finish(begun)

    def erase_user(self, caller: Principal, user_id: uuid.UUID, origin: Origin) -> bool:
        """Erase all that is stored of a user, who may begin anew afterwards.

        Raises Forbidden for another user unless the caller is an administrator.
        """
        if user_id != caller.user_id:
            caller.require_admin()
        with _repeatable():
            begun = self._repository.erase_user(user_id, origin, LEASE_SECONDS)
        return self._finish(begun)

    def drain(self, seconds: float) -> dict[str, int]:
        """Finish what is left to do, for at most so long; how many are finished, and are not."""
        finished = self._worker.drain(seconds)
        return {"finished": finished, "unfinished": self._repository.unfinished()}

    def _finish(self, begun: Begun) -> bool:
        if begun.claim is None:
            return begun.finished
        try:
            return self._worker.work(begun.claim, time.monotonic() + PATIENCE_SECONDS)
        except DatabaseUnavailable as error:  # what is left to do is written down
            log.warning("an erasure is not finished yet", exc_info=error)
            return False


@contextmanager
def _repeatable() -> Iterator[None]:
    """Whether the first attempt was stored or not, a second one does no harm."""
    try:
        yield
    except CommitUnknown as error:
        raise DatabaseUnavailable() from error

"""Work in the background of a function."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from common.errors import Unavailable

log = logging.getLogger(__name__)


class BackgroundLoop:
    """A thread that works as long as there is something to do, and else looks every so often.

    `work` answers whether there may be more. It may raise anything: the thread outlives it, and
    the log learns that `what` cannot go on.
    """

    def __init__(
        self, name: str, what: str, work: Callable[[], bool], poll_seconds: float
    ) -> None:
        self._name = name
        self._what = what
        self._work = work
        self._poll_seconds = poll_seconds
        self._woken = threading.Event()

    def start(self) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def wake(self) -> None:
        """Look again now."""
        self._woken.set()

    def _run(self) -> None:
        while True:
            if not self._attempt():
                self._woken.wait(self._poll_seconds)
                self._woken.clear()

    def _attempt(self) -> bool:
        try:
            return self._work()
        except Exception as error:
            level = logging.WARNING if isinstance(error, Unavailable) else logging.ERROR
            log.log(level, "%s cannot go on", self._what, exc_info=error)
            return False

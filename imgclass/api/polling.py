"""How often the client looks at what takes a while."""
from __future__ import annotations

import math
import time
from collections.abc import Iterator

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.02, 0.5


def looks(timeout: float = math.inf) -> Iterator[None]:
    """A turn for each look: soon again at first, then twice a second, for `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield
        if time.monotonic() + pause > deadline:
            return
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

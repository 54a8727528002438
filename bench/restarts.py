"""Parts of a running stack stopped or killed one after the other, and started again."""
from __future__ import annotations

import signal
import time
from typing import NamedTuple

from imgclass.embedded.errors import StackError
from imgclass.embedded.identity import send, wait_for_end
from imgclass.embedded.stack import Stack

KILL, STOP = "SIGKILL", "SIGTERM"
# Everybody's turn, both ways.
SCHEDULE = (
    ("predict", STOP), ("postgres", KILL), ("s3", STOP), ("history", KILL), ("predict", KILL),
    ("postgres", STOP), ("s3", KILL), ("history", STOP), ("gateway", KILL), ("gateway", STOP))
PATIENCE_SECONDS = 20.0
# Within which everything has to answer again.
RECOVERY_SECONDS = 5.0


class Outage(NamedTuple):
    """A part was away: from its signal until the stack was up; seconds since the epoch."""

    part: str
    how: str
    began: float
    ended: float

    def explains(self, began: float, ended: float) -> bool:
        """Whether a request that was under way then may have failed because of it."""
        return began <= self.ended + RECOVERY_SECONDS and ended >= self.began


def restart(stack: Stack, part: str, how: str) -> Outage:
    """Stop or kill a part with all its children, and have everything up again.

    Postgres gets SIGINT instead of SIGTERM, for which it would wait until all clients have left.
    Raises StackError when the stack does not come up.
    """
    began = time.time()
    if how == STOP:
        stack.processes.stop([part])
    else:
        process = stack.processes.running(part)
        if process is None:
            raise StackError(f"{part} does not run any more")
        members = [process, *process.children(recursive=True)]
        for each in members:
            send(each, signal.SIGKILL)
        if wait_for_end(members, PATIENCE_SECONDS):
            raise StackError(f"{part} cannot be killed")
    stack.up()
    return Outage(part, how, began, time.time())

"""What can befall a part of a running stack, and how it comes back."""
from __future__ import annotations

import signal
import time
from dataclasses import dataclass

import psutil

from imgclass.embedded.identity import send, wait_for_end
from imgclass.embedded.stack import Stack

PATIENCE_SECONDS = 20.0


@dataclass
class Fault:
    """A part that is killed, or stopped as a machine that hangs is, for some seconds.

    Both answer when the part was back, in seconds since the epoch.
    """

    stack: Stack
    part: str
    seconds: float

    def kill(self) -> float:
        """SIGKILL for the part and all its children; then it is started again."""
        members = self._members()
        for each in members:
            send(each, signal.SIGKILL)
        assert wait_for_end(members, PATIENCE_SECONDS) == []
        time.sleep(self.seconds)
        self.stack.up()
        process = self.stack.processes.running(self.part)
        assert process is not None
        returned_at: float = process.create_time()
        return returned_at

    def pause(self) -> float:
        """SIGSTOP for the part and all its children; then they go on."""
        members = self._members()
        try:
            for each in members:
                send(each, signal.SIGSTOP)
            time.sleep(self.seconds)
        finally:
            for each in members:
                send(each, signal.SIGCONT)
        return time.time()

    def _members(self) -> list[psutil.Process]:
        process = self.stack.processes.running(self.part)
        assert process is not None, f"{self.part} does not run"
        return [process, *process.children(recursive=True)]

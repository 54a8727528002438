"""Which process is which: a number alone is not enough, for numbers are used again."""
from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from imgclass.embedded.errors import StackError

POLL_SECONDS = 0.05
# A start counted from boot is exact to a clock tick, but for the second by which the kernel's
# idea of the time of boot moves when the clock is adjusted between two readings.
TOLERANCE_SECONDS = 1.5

# Processes this very program started: their exit has to be collected, or they stay as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Identity:
    """A process: its number, when it started in seconds after boot, and its program."""

    pid: int
    started: float
    program: str


def identify(child: subprocess.Popen[bytes]) -> Identity:
    """The identity of a process that was just started."""
    _children[child.pid] = child
    process = psutil.Process(child.pid)
    return Identity(child.pid, _started(process), process.exe())


def alive(identity: Identity) -> psutil.Process | None:
    """The process, if it still runs and is not another that got its number."""
    try:
        process = psutil.Process(identity.pid)
        return process if _is_same(process, identity) and _runs(process) else None
    except psutil.NoSuchProcess:
        return None


def family(identity: Identity) -> list[psutil.Process]:
    """The process and its descendants; if it has died, those of its session that outlived it."""
    leader = alive(identity)
    if leader:
        try:
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            pass
    # While a session has members, no new process gets its number. If there is one, all are gone.
    if psutil.pid_exists(identity.pid) and not _is_dead(identity):
        return []
    return [process for process in psutil.process_iter() if _outlived(process, identity)]


def memory_of(process: psutil.Process) -> int:
    """Resident memory in bytes; 0 for a process that has just ended."""
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def send(process: psutil.Process, number: int) -> None:
    """Send a signal; a process that is gone is fine."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        raise StackError(
            f"process {process.pid} is another user's: run this as the user who started it"
        ) from None


def wait_for_end(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until they have ended; return those that have not after `seconds`."""
    deadline = time.monotonic() + seconds
    left = list(processes)
    while (left := [each for each in left if _runs(each)]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


def _outlived(process: psutil.Process, identity: Identity) -> bool:
    try:
        return (os.getsid(process.pid) == identity.pid
                and process.exe() == identity.program
                and _started(process) > identity.started - TOLERANCE_SECONDS
                and _runs(process))
    except (ProcessLookupError, PermissionError, psutil.Error):
        return False


def _is_dead(identity: Identity) -> bool:
    """Whether the process is ours and a zombie."""
    try:
        process = psutil.Process(identity.pid)
        return _is_same(process, identity) and not _runs(process)
    except psutil.NoSuchProcess:
        return True


def _is_same(process: psutil.Process, identity: Identity) -> bool:
    return abs(_started(process) - identity.started) < TOLERANCE_SECONDS


def _runs(process: psutil.Process) -> bool:
    """Whether it runs; a zombie, which its parent has not collected yet, does not."""
    child = _children.get(process.pid)
    if child is not None:
        if child.poll() is None:
            return True
        del _children[process.pid]
    try:
        # While its last threads end, a process looks like a zombie already.
        return process.is_running() and (
            process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    except psutil.NoSuchProcess:
        return False


def _started(process: psutil.Process) -> float:
    """When it started, after boot; unlike the time of day this stays when the clock is set."""
    return process.create_time() - psutil.boot_time()

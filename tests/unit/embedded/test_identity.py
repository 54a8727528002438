"""Processes are told apart by more than their number."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil
import pytest

from imgclass.embedded.identity import (
    Identity, alive, family, identify, memory_of, send, wait_for_end)

SLEEP = "import time; time.sleep(60)"
# Prints the child's number once both are there.
FORK = "import os, time; pid = os.fork(); pid and print(pid, flush=True); time.sleep(60)"

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python programs in sessions of their own; all are gone at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(program: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


def first_line(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_started_process_is_alive(start: Start) -> None:
    """A process is found by its identity, and takes memory."""
    process = start(SLEEP)
    found = alive(identify(process))
    assert found is not None and found.pid == process.pid
    assert memory_of(found) > 0


def test_ended_process_is_not_alive(start: Start) -> None:
    """A process that has ended, collected or not, is not taken for a running one."""
    process = start(SLEEP)
    identity = identify(process)
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie until it is collected
    assert alive(identity) is None
    process.wait()
    assert alive(identity) is None


@pytest.mark.parametrize("seconds", [-3600, -2, 2, 3600])
def test_reused_number_is_another_process(start: Start, seconds: float) -> None:
    """A process that got the number of ours, but started at another time, is not ours."""
    identity = identify(start(SLEEP))
    other = replace(identity, started=identity.started + seconds)
    assert alive(other) is None
    assert family(other) == []


def test_family_has_the_children(start: Start) -> None:
    """Children belong to the process that made them."""
    process = start(FORK)
    child = first_line(process)
    assert {each.pid for each in family(identify(process))} == {process.pid, child}


def test_family_has_those_who_outlive_it(start: Start) -> None:
    """When the process is killed, its children are still found."""
    process = start(FORK)
    identity, child = identify(process), first_line(process)
    process.kill()
    process.wait()
    assert [each.pid for each in family(identity)] == [child]


def test_strangers_of_a_session_are_no_family(start: Start) -> None:
    """Another program in a session that once was ours is left alone."""
    process = start(FORK)
    identity, _ = identify(process), first_line(process)
    process.kill()
    process.wait()
    assert family(replace(identity, program="/bin/other")) == []


def test_end_is_waited_for(start: Start) -> None:
    """Waiting returns those that have not ended in time, and nobody once they have."""
    found = alive(identify(start(SLEEP)))
    assert found is not None
    assert wait_for_end([found], 0.1) == [found]
    send(found, signal.SIGTERM)
    assert wait_for_end([found], 10) == []
    send(found, signal.SIGTERM)  # to nobody


def test_start_does_not_move_with_the_clock(start: Start) -> None:
    """Identities count from boot, so that setting the clock changes none."""
    identity = identify(start(SLEEP))
    since_boot = time.time() - psutil.boot_time()
    assert since_boot - 60 < identity.started <= since_boot + 2


def test_identity_is_what_is_written_down() -> None:
    """An identity survives being a JSON object."""
    identity = Identity(1, 2.5, "/bin/true")
    assert Identity(**vars(identity)) == identity

"""Places to work at, and the line in front of them."""
from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from common.errors import DeadlineExceeded, Overloaded
from common.turns import Turns

PATIENCE = 20.0


def wait_for_line(turns: Turns, length: int) -> None:
    """Return once so many stand in line."""
    deadline = time.monotonic() + PATIENCE
    while len(turns._line) != length:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_places() -> None:
    """Who finds a place does not wait; a place that is given back is there for the next."""
    turns = Turns(2, 0)
    for _ in range(3):
        turns.take(0)
        turns.take(0)
        with pytest.raises(Overloaded):
            turns.take(PATIENCE)
        turns.give_back()
        turns.give_back()


def test_first_come_first_served() -> None:
    """Those in line get their turns in the order they came."""
    turns, order = Turns(1, 3), list[int]()
    turns.take(0)

    def work(number: int) -> None:
        turns.take(PATIENCE)
        order.append(number)
        turns.give_back()

    with ThreadPoolExecutor(3) as pool:
        waiting: list[Future[None]] = []
        for number in range(3):
            waiting.append(pool.submit(work, number))
            wait_for_line(turns, number + 1)
        with pytest.raises(Overloaded):
            turns.take(PATIENCE)
        turns.give_back()
        for each in waiting:
            each.result(PATIENCE)
    assert order == [0, 1, 2]


def test_end_of_patience() -> None:
    """Who has waited long enough leaves the line, and takes nobody's turn."""
    turns = Turns(1, 1)
    turns.take(0)
    for _ in range(2):
        with pytest.raises(DeadlineExceeded):
            turns.take(0.01)
    turns.give_back()
    turns.take(0)


def test_work_that_was_begun_goes_first() -> None:
    """Who stepped aside comes back before those who have not begun, even if the line is full."""
    turns, order = Turns(1, 1), list[str]()
    turns.take(0)

    def begin() -> None:
        turns.take(PATIENCE)
        order.append("begun")
        turns.give_back()

    def go_on() -> None:
        turns.take_again()
        order.append("gone on")
        turns.give_back()

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(begin)]
        wait_for_line(turns, 1)
        waiting.append(pool.submit(go_on))
        wait_for_line(turns, 2)
        turns.give_back()
        for each in waiting:
            each.result(PATIENCE)
    assert order == ["gone on", "begun"]
    turns.take_again()
    with pytest.raises(DeadlineExceeded):
        turns.take(0.01)


def queue_up(turns: Turns, pool: ThreadPoolExecutor, count: int) -> None:
    """Let so many more stand in line; they give nothing back."""
    for _ in range(count):
        length = len(turns._line)
        pool.submit(turns.take, PATIENCE)
        wait_for_line(turns, length + 1)


@pytest.mark.parametrize("between_turns, line", [(0.2, 2), (0.01, 10)])
def test_standing_line(between_turns: float, line: int) -> None:
    """A rush may fill the whole line. While it stands nobody joins who would wait for too long,
    though always as many as there are places; once it is gone, there may be a rush again."""
    now = 100.0
    turns = Turns(2, 40, lambda: now)
    with ThreadPoolExecutor(100) as pool:
        for _ in range(2):
            turns.take(0)
        queue_up(turns, pool, 40)
        with pytest.raises(Overloaded):
            turns.take(PATIENCE)
        for _ in range(40 - line):
            now += between_turns
            turns.give_back()
        with pytest.raises(Overloaded):
            turns.take(PATIENCE)
        now += between_turns
        turns.give_back()
        queue_up(turns, pool, 1)
        with pytest.raises(Overloaded):
            turns.take(PATIENCE)
        for _ in range(line):
            turns.give_back()
        queue_up(turns, pool, 40)
        for _ in range(42):
            turns.give_back()


def test_never_more_than_places() -> None:
    """However many come and lose patience, places neither multiply nor get lost."""
    # By this clock no line ever stands long, on however slow a machine.
    turns = Turns(3, 100, clock=lambda: 0.0)
    lock, working, most = threading.Lock(), 0, 0

    def work(number: int) -> None:
        nonlocal working, most
        try:
            turns.take(0.0001 if number % 2 else PATIENCE)
        except DeadlineExceeded:
            return
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0.0005)
        with lock:
            working -= 1
        turns.give_back()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, range(400)))
    assert most == 3
    for _ in range(3):
        turns.take(0)
    with pytest.raises(DeadlineExceeded):
        turns.take(0)

"""Lanes are shared out so that nobody waits for a slow receiver."""
from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest

from predict.outbox.lanes import LANES, LANES_PER_RECEIVER, Lanes
from predict.outbox.repository import Receiver

BATCH, PATIENCE_SECONDS = 8, 30.0


class Road:
    """Lanes whose receivers are slow until `go` is set; `served` lists who got a lane."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.served: list[uuid.UUID] = []
        self.lanes = Lanes(self._serve, BATCH)

    def _serve(self, receiver: Receiver, _ends: float) -> None:
        self.served.append(receiver.receiver_id)
        self.go.wait(PATIENCE_SECONDS)

    def assign(self, *receivers: Receiver) -> Counter[uuid.UUID]:
        """Share the lanes out; how many each receiver got this time, once all are under way."""
        before = len(self.served)
        after = before + self.lanes.assign(receivers, 0.0)
        pause = threading.Event()
        while len(self.served) < after:
            pause.wait(0.001)
        return Counter(self.served[before:])

    def clear(self) -> None:
        """Let everybody come to an end."""
        self.go.set()
        while self.lanes.wait(PATIENCE_SECONDS):
            pass
        self.go.clear()
        self.served.clear()


@pytest.fixture
def road() -> Iterator[Road]:
    made = Road()
    yield made
    made.clear()


def receiver(waiting: int = 1, failures: int = 0) -> Receiver:
    return Receiver(uuid.uuid4(), "https://a.example/", None, failures, waiting)


@pytest.mark.parametrize(("waiting", "lanes"), [(1, 1), (8, 1), (9, 2), (32, 4), (1000, 4)])
def test_as_many_as_needed(road: Road, waiting: int, lanes: int) -> None:
    """A receiver gets a lane for each batch that waits for it, up to a limit, and only once."""
    one = receiver(waiting)
    assert road.assign(one)[one.receiver_id] == lanes
    assert not road.assign(one)


def test_one_for_a_receiver_that_fails(road: Road) -> None:
    """A receiver that has failed is tried in one lane."""
    one = receiver(1000, failures=1)
    assert road.assign(one)[one.receiver_id] == 1


def test_everybody_gets_one_first(road: Road) -> None:
    """Who has much to be told leaves lanes to those who have little."""
    greedy = [receiver(1000) for _ in range(3)]
    modest = [receiver() for _ in range(10)]
    given = road.assign(*greedy, *modest)
    assert all(given[each.receiver_id] == 1 for each in modest)
    assert sum(given.values()) == LANES


def test_slow_receivers_leave_lanes_to_others(road: Road) -> None:
    """Receivers that hold all the lanes they may have do not keep others from theirs."""
    slow = [receiver(1000) for _ in range(LANES // LANES_PER_RECEIVER - 1)]
    road.assign(*slow)
    quick = receiver()
    assert road.assign(*slow, quick)[quick.receiver_id] == 1


def test_taking_turns(road: Road) -> None:
    """Where there are more receivers than lanes, whoever was served longest ago comes first."""
    receivers = [receiver() for _ in range(LANES + 5)]
    first = road.assign(*receivers)
    assert sum(first.values()) == LANES
    road.clear()
    second = road.assign(*receivers)
    assert set(first) | set(second) == {each.receiver_id for each in receivers}


def test_a_lane_that_breaks_is_free_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens in a lane, it closes."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def fail(_receiver: Receiver, _ends: float) -> None:
        raise MemoryError

    lanes = Lanes(fail, BATCH)
    lanes.assign([receiver()], 0.0)
    while lanes.wait(PATIENCE_SECONDS):
        pass


def test_nothing_to_wait_for(road: Road) -> None:
    """With all lanes closed there is no wait."""
    assert not road.lanes.wait(PATIENCE_SECONDS)

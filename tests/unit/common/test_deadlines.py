"""Deadlines of requests."""
from __future__ import annotations

import time

import pytest

from common.deadlines import Deadline, deadline_of
from common.errors import DeadlineExceeded


@pytest.mark.parametrize(("sent", "seconds"), [
    (None, 30), ("100", 0.1), ("0", 0), ("29999", 29.999), ("30000", 30), ("60000", 30),
    ("", 30), ("-1", 30), ("1.5", 30), ("soon", 30), ("1e3", 30), ("９", 30), ("9" * 10, 30)])
def test_deadline_of_a_request(sent: str | None, seconds: float) -> None:
    """A client may shorten its time; nothing it sends prolongs it."""
    assert deadline_of(1000.0, sent, 30.0).at == pytest.approx(1000 + seconds)


def test_ahead() -> None:
    """Before its time a deadline says how much there is."""
    deadline = Deadline(time.monotonic() + 1000)
    deadline.check()
    assert 900 < deadline.remaining() <= 1000


def test_passed() -> None:
    """After its time there is nothing left."""
    deadline = Deadline(time.monotonic())
    assert deadline.remaining() == 0
    with pytest.raises(DeadlineExceeded):
        deadline.check()

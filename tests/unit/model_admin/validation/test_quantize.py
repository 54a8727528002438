"""Whether an int8 twin is served: the decision, and the stopwatch it rests on."""
from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.inference.engine import Pixels
from model_admin.validation import quantize
from model_admin.validation.quantize import Measured, refusal, take_turns

PICTURE = np.zeros((1, 8, 8, 3), np.float32)


def measured(**changes: Any) -> Measured:
    """The figures of a good int8 twin, with `changes`."""
    good: dict[str, Any] = {
        "finite": True, "compared": 50, "agreed": 49, "golden": 2, "golden_agreed": 2,
        "float32_latency_ms": 2.0, "int8_latency_ms": 1.0}
    return Measured(**{**good, **changes})


@pytest.mark.parametrize("figures", [
    measured(), measured(agreed=50), measured(golden=0, golden_agreed=0),
    measured(int8_latency_ms=1.9999)], ids=["at-the-threshold", "alike", "no-golden", "barely"])
def test_accepted(figures: Measured) -> None:
    """A twin that agrees often enough and is faster is served, by however little."""
    assert refusal(20, figures, 0.98) is None


def test_nothing_measured_yet() -> None:
    """Before there is a twin nothing speaks against it but too few pictures."""
    assert refusal(20, None, 0.98) is None


@pytest.mark.parametrize("figures", [None, measured()], ids=["before", "after"])
def test_too_few_pictures(figures: Measured | None) -> None:
    """With too few pictures no figures count."""
    assert refusal(19, figures, 0.98) == (
        "There are 19 different readable pictures to calibrate it with and to judge it by; "
        "it takes 20.")


@pytest.mark.parametrize(("figures", "reason"), [
    (measured(finite=False), "It answers NaN or infinity."),
    (measured(finite=False, agreed=50), "It answers NaN or infinity."),
    (measured(agreed=48),
     "It gives the class of the float32 twin to 48 of 50 pictures, a share below 0.98."),
    (measured(agreed=0, int8_latency_ms=0.1),
     "It gives the class of the float32 twin to 0 of 50 pictures, a share below 0.98."),
    (measured(golden_agreed=1),
     "It gives a golden picture another class than the float32 twin."),
    (measured(int8_latency_ms=2.5),
     "It is not faster here: 2.5 ms a picture, the float32 twin 2 ms."),
    (measured(int8_latency_ms=2.0),
     "It is not faster here: 2 ms a picture, the float32 twin 2 ms."),
], ids=["nan", "nan-that-agrees", "below", "fast-nonsense", "golden", "slower", "equal"])
def test_refused(figures: Measured, reason: str) -> None:
    """Every fault alone is enough, and is told with its figures."""
    assert refusal(20, figures, 0.98) == reason


@pytest.mark.parametrize(("agreed", "compared", "least"), [
    (49, 50, 0.98), (147, 150, 0.98), (7, 10, 0.7), (99, 110, 0.9), (33, 100, 0.33)])
def test_exactly_the_threshold(agreed: int, compared: int, least: float) -> None:
    """A share that equals the threshold is enough, however it is rounded."""
    assert refusal(20, measured(agreed=agreed, compared=compared), least) is None
    assert refusal(20, measured(agreed=agreed - 1, compared=compared), least) is not None


class Engine:
    """Writes down its turns; `seconds` is what each takes."""

    def __init__(self, name: str, turns: list[str], seconds: float = 0) -> None:
        self.name = name
        self._turns = turns
        self._seconds = seconds

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        self._turns.append(self.name)
        time.sleep(self._seconds)
        return np.zeros((1, 3), np.float32)


def test_turns() -> None:
    """Engines alternate, and who begins does, too."""
    turns: list[str] = []
    take_turns([Engine("a", turns), Engine("b", turns)], [PICTURE])
    assert "".join(turns) == "abba" * (quantize.TIMED_ROUNDS // 2)


def test_latencies() -> None:
    """Each engine gets its own median, in milliseconds."""
    turns: list[str] = []
    slow, fast = take_turns([Engine("slow", turns, 0.004), Engine("fast", turns)], [PICTURE])
    assert slow >= 4
    assert 0 < fast < slow


def test_slow_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """When time is up the rounds end, but a few there are always."""
    monkeypatch.setattr(quantize, "TIMED_SECONDS", 0.0)
    turns: list[str] = []
    take_turns([Engine("a", turns), Engine("b", turns)], [PICTURE])
    assert turns.count("a") == turns.count("b") == quantize.MIN_TIMED_ROUNDS

"""Trying made-up input on the product: it is taken, or refused with an error that is a 4xx."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from werkzeug.test import TestResponse

from common.errors import ImgclassError
from common.problems import STATUS


class Tally:
    """What became of a test's inputs, by their kinds, and what bombs cost; rows of tables."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self.bombs: list[str] = []

    def add(self, kind: str, outcome: str) -> None:
        """One input of this kind was tried."""
        self._counts.setdefault(kind, Counter())[outcome] += 1

    def add_bomb(self, row: str) -> None:
        """A bomb was dealt with; `row` says what it cost."""
        self.bombs.append(row)

    def inputs(self) -> Iterator[str]:
        """A row for each kind of input."""
        for kind, counts in self._counts.items():
            refused = ", ".join(f"{outcome}: {counts[outcome]}" for outcome in sorted(counts)
                                if outcome != "taken")
            yield f"| {kind} | {counts.total()} | {counts['taken']} | {refused} |"


class Trials:
    """So many inputs of a kind; few are the same in every run, many are others each time."""

    def __init__(self, tally: Tally, inputs: int, same: bool) -> None:
        self._tally = tally
        self._inputs = inputs
        self._same = same

    def run(
        self, kind: str, inputs: SearchStrategy[Any], attempt: Callable[[Any], object],
        share: float = 1.0,
    ) -> None:
        """Let `attempt` deal with every input: it returns, or raises what is the client's fault.

        An attempt that returns an answer is judged by its status. `share` of the inputs is tried
        where one takes long.
        """
        @settings(
            max_examples=max(1, round(self._inputs * share)), derandomize=self._same,
            database=None, deadline=None, suppress_health_check=[*HealthCheck])
        @given(inputs)
        def trial(sent: Any) -> None:
            self._tally.add(kind, _outcome(attempt, sent))
        trial()


def _outcome(attempt: Callable[[Any], object], sent: Any) -> str:
    try:
        answer = attempt(sent)
    except ImgclassError as error:
        status = next(STATUS[each] for each in type(error).__mro__ if each in STATUS)
    else:
        if not isinstance(answer, TestResponse) or answer.status_code < 400:
            return "taken"
        status = answer.status_code
        if answer.data:  # a HEAD has none
            document = answer.get_json(force=True)
            assert document["status"] == status and document["request_id"], document
    assert 400 <= status < 500, status
    return str(status)

"""How many inputs are tried, and what is said of them at the end."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.trials import Tally, Trials
from tests.summaries import Table

SHORT, LONG = 150, 30_000
INPUTS = Table("fuzz", "| input | tried | taken | refused |\n|---|--:|--:|---|")
BOMBS = Table("fuzz", "| bomb | bytes | became | CPU-ms | MB |\n|---|--:|---|--:|--:|")


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Where a test notes what became of its inputs."""
    tally = Tally()
    yield tally
    for table, rows in ((INPUTS, tally.inputs()), (BOMBS, tally.bombs)):
        for row in rows:
            table.add(request.node, row)


@pytest.fixture(params=[SHORT, pytest.param(LONG, marks=pytest.mark.full)])
def trials(request: pytest.FixtureRequest, tally: Tally) -> Trials:
    """Few inputs, and with `make fuzz` many."""
    return Trials(tally, request.param, same=request.param == SHORT)

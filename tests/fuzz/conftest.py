"""How many inputs are tried, and what is said of them at the end."""
from __future__ import annotations

import pytest

from tests.fuzz.trials import Tally, Trials
from tests.summaries import write_section

SHORT, LONG = 150, 30_000
TALLY = pytest.StashKey[Tally]()


@pytest.fixture
def tally(pytestconfig: pytest.Config) -> Tally:
    """Where it is noted what became of inputs."""
    return pytestconfig.stash.setdefault(TALLY, Tally())


@pytest.fixture(params=[SHORT, pytest.param(LONG, marks=pytest.mark.full)])
def trials(request: pytest.FixtureRequest, tally: Tally) -> Trials:
    """Few inputs, and with `make fuzz` many."""
    return Trials(tally, request.param, same=request.param == SHORT)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what became of the inputs."""
    write_section(terminalreporter, "fuzz", config.stash.get(TALLY, Tally()).lines())

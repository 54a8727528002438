"""What chaos needs beside the processes it kills."""
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.report import Report
from tests.summaries import write_section

if TYPE_CHECKING:  # it imports tensorflow, which need not be there to collect tests
    from tests.tiny_model import TinyModel

REPORT = pytest.StashKey[Report]()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    from tests.tiny_model import TinyModel

    return TinyModel(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """Where scenarios that were survived are noted."""
    return pytestconfig.stash.setdefault(REPORT, Report())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what was survived."""
    write_section(terminalreporter, "chaos", config.stash.get(REPORT, Report()).lines())

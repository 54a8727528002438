"""What chaos needs beside the processes it kills."""
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.report import Report

if TYPE_CHECKING:  # it imports tensorflow, which need not be there to collect tests
    from tests.tiny_model import TinyModel


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    from tests.tiny_model import TinyModel

    return TinyModel(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Where scenarios that were survived are noted."""
    return Report(request.node)

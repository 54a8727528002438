"""The inbox with everything behind it in memory."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.predict.inbox.intake import Intake


@pytest.fixture
def intake() -> Iterator[Intake]:
    made = Intake()
    yield made
    made.close()


@pytest.fixture
def keeping() -> Iterator[Intake]:
    """The same, where uploads stay when they are classified."""
    made = Intake(keep_uploads=True)
    yield made
    made.close()

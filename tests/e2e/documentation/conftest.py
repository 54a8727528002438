"""A stack for the documentation's commands, whose data and models they may change."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from imgclass.embedded.stack import Stack
from tests.stacks import running_stack


@pytest.fixture(scope="package")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack that nobody else uses."""
    with running_stack(tmp_path_factory.mktemp("documentation")) as stack:
        yield stack

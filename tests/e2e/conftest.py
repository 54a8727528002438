"""The whole stack, started as `make up` does."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from imgclass.embedded.stack import Stack
from tests.stacks import running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack that all tests here share."""
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack

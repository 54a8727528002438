"""The client against a real HTTP server that keeps the service's contract in memory."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from imgclass.client import Client
from tests.fakes.api import FakeApi, token

USER = "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11"


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture
def client(api: FakeApi) -> Iterator[Client]:
    """Talks to it as an administrator."""
    with Client(api.url, token(USER, admin=True)) as connected:
        yield connected

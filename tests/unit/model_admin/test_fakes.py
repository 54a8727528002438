"""The fakes that the tests of model-admin trust do what the real repositories do."""
from __future__ import annotations

import pytest

from tests.contracts.registry import ClaimRepositoryContract, VersionRepositoryContract
from tests.fakes.registry import InMemoryClaimRepository, InMemoryVersionRepository


@pytest.fixture
def versions() -> InMemoryVersionRepository:
    return InMemoryVersionRepository()


class TestInMemoryVersionRepository(VersionRepositoryContract):
    """The dictionary of versions."""


class TestInMemoryClaimRepository(ClaimRepositoryContract):
    """The claims on it."""

    @pytest.fixture
    def claims(self, versions: InMemoryVersionRepository) -> InMemoryClaimRepository:
        return InMemoryClaimRepository(versions)

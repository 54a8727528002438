"""The in-memory rollout keeps the contract, so that tests built on it can be believed."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from predict.rollout import Rollout
from tests.contracts.rollout_repository import RolloutRepositoryContract, Serving
from tests.fakes.rollout import InMemoryRolloutRepository


class TestInMemoryRolloutRepository(RolloutRepositoryContract):
    """The fake that other tests trust."""

    @pytest.fixture
    def repository(self) -> InMemoryRolloutRepository:
        return InMemoryRolloutRepository()

    @pytest.fixture
    def change(self, repository: InMemoryRolloutRepository) -> Callable[[Rollout], None]:
        return lambda rollout: setattr(repository, "current", rollout)

    @pytest.fixture
    def reports(
        self, repository: InMemoryRolloutRepository,
    ) -> Callable[[], tuple[Serving, str | None]]:
        return lambda: repository.reports[-1]

    @pytest.fixture
    def failures(
        self, repository: InMemoryRolloutRepository,
    ) -> Callable[[], list[tuple[str, str]]]:
        return lambda: repository.failures

    @pytest.fixture
    def unreachable_repository(self) -> InMemoryRolloutRepository:
        repository = InMemoryRolloutRepository()
        repository.down = True
        return repository

"""The contract of RolloutRepository."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from common.errors import DatabaseUnavailable
from predict.rollout import Rollout, RolloutRepository
from tests.records import model_row

Serving = dict[str, Any]


class RolloutRepositoryContract:
    """Subclasses give `repository`, `change`, `reports`, `failures`, `unreachable_repository`.

    `change` makes a rollout the current one, with every version it names ready; `reports` and
    `failures` tell what was reported by the repository's replica: (serving, problem) and
    (version, reason).
    """

    def test_nothing(self, repository: RolloutRepository) -> None:
        """Until one is activated no model answers."""
        assert repository.rollout() == Rollout()

    @pytest.mark.parametrize("rollout", [
        Rollout(active=model_row("v1")),
        Rollout(active=model_row("v1", twin_digest=None)),
        Rollout(active=model_row("v2"), canary=model_row("v1"), canary_percent=1),
        Rollout(active=model_row("v1"), canary=model_row("v2"), canary_percent=100,
                shadow=model_row("v3")),
        Rollout(shadow=model_row("v3")),
    ], ids=["active", "without a twin", "canary", "all", "shadow alone"])
    def test_roles(
        self, repository: RolloutRepository, change: Callable[[Rollout], None], rollout: Rollout,
    ) -> None:
        """Every version with a role comes with its path, its digests and its manifest."""
        change(rollout)
        assert repository.rollout() == rollout

    def test_change(
        self, repository: RolloutRepository, change: Callable[[Rollout], None],
    ) -> None:
        """The next look sees what has changed."""
        for version in ("v1", "v2", "v1"):
            change(Rollout(active=model_row(version)))
            assert repository.rollout() == Rollout(active=model_row(version))
        change(Rollout())
        assert repository.rollout() == Rollout()

    def test_report(
        self, repository: RolloutRepository, reports: Callable[[], tuple[Serving, str | None]],
    ) -> None:
        """What a replica serves, and what is wrong with it, is what it said last."""
        serving = {"active": {"version": "v1", "digest": "a" * 64, "engine": "litert"}}
        repository.report({}, "Model v1 cannot be loaded: see the log")
        assert reports() == ({}, "Model v1 cannot be loaded: see the log")
        repository.report(serving, None)
        repository.report(serving, None)
        assert reports() == (serving, None)

    def test_load_failure(
        self, repository: RolloutRepository, failures: Callable[[], list[tuple[str, str]]],
    ) -> None:
        """That a version could not be loaded is noted, each time it is said."""
        repository.note_load_failure("v1", "no such file: 'ü'")
        repository.note_load_failure("v2", "out of memory")
        assert failures() == [("v1", "no such file: 'ü'"), ("v2", "out of memory")]

    def test_unreachable(self, unreachable_repository: RolloutRepository) -> None:
        """Without the database every method says so."""
        for attempt in (
            unreachable_repository.rollout, lambda: unreachable_repository.report({}, None),
            lambda: unreachable_repository.note_load_failure("v1", "reason"),
        ):
            with pytest.raises(DatabaseUnavailable):
                attempt()

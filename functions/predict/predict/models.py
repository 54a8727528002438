"""The models that answer: loaded, warmed, and swapped when the rollout changes."""
from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Protocol

from common.errors import ImgclassError, ModelUnavailable
from common.inference.model import Model, ModelLoader, ModelRow
from predict.rollout import Rollout, RolloutRepository
from predict.telemetry import Telemetry

MAX_RETRY_SECONDS = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lineup:
    """The loaded models by role; `canary_percent` of the users get the canary's answer."""

    active: Model
    canary: Model | None = None
    canary_percent: int = 0
    shadow: Model | None = None

    def by_role(self) -> dict[str, Model]:
        """The loaded models, each under every role it has."""
        roles = {"active": self.active, "canary": self.canary, "shadow": self.shadow}
        return {role: model for role, model in roles.items() if model is not None}

    def model_for(self, user_id: uuid.UUID) -> Model:
        """The model that answers a user: always the same one while the rollout stays."""
        if self.canary is not None and in_canary(
                self.canary.version, user_id, self.canary_percent):
            return self.canary
        return self.active


def in_canary(version: str, user_id: uuid.UUID, percent: int) -> bool:
    """Whether a user belongs to the share that a canary answers.

    A user once in stays in while the share grows, and each version draws its users anew.
    """
    digest = hashlib.sha256(f"{version}:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100 < percent


class ModelProvider(Protocol):
    """Knows the models that answer at the moment."""

    def lineup(self) -> Lineup:
        """Raises ModelUnavailable while no active model is loaded and warm."""


class ModelHost:
    """Follows the rollout in the database from a background thread.

    A request keeps the models it began with, so a swap disturbs nobody; an old one is freed with
    its last request. An active model that fails to load leaves the one before it in its place.
    """

    def __init__(
        self,
        repository: RolloutRepository,
        loader: ModelLoader,
        telemetry: Telemetry,
        wait: Callable[[float], None],
        poll_seconds: float,
    ) -> None:
        """`wait` returns after so many seconds, or earlier if the rollout changed."""
        self._repository = repository
        self._loader = loader
        self._telemetry = telemetry
        self._wait = wait
        self._poll_seconds = poll_seconds
        self._lineup: Lineup | None = None
        self._problem = "The model is not loaded yet."
        self._reported: set[str] = set()

    def lineup(self) -> Lineup:
        """See ModelProvider.lineup."""
        lineup = self._lineup
        if lineup is None:
            raise ModelUnavailable(self._problem)
        return lineup

    def is_warm(self) -> bool:
        """Whether an active model is loaded and warm."""
        return self._lineup is not None

    def check(self) -> None:
        """Raises ModelUnavailable while no active model is loaded and warm."""
        self.lineup()

    def start(self) -> None:
        """Begin to follow; returns at once."""
        Thread(target=self._follow, name="model-host", daemon=True).start()

    def refresh(self) -> bool:
        """Load and warm what the rollout names and is not loaded; False if something failed.

        Raises DatabaseUnavailable; then everything stays as it was.
        """
        rollout = self._repository.rollout()
        problems: list[str] = []
        lineup, before = self._assemble(rollout, problems), self._lineup
        if lineup is None:
            self._problem = problems[0] if problems else "No model is active."
        self._lineup = lineup
        models = lineup.by_role() if lineup else {}
        if lineup != before:  # a scrape must not meet the metric while it is being rewritten
            self._telemetry.serving(models)
        self._repository.report(
            {role: {"version": model.version, "digest": model.digest,
                    "engine": model.engine.name} for role, model in models.items()},
            "; ".join(problems) or None)
        return not problems

    def _assemble(self, rollout: Rollout, problems: list[str]) -> Lineup | None:
        """An active model that cannot be loaded leaves the old one in its place; there is no
        canary, and no shadow, but the one that was decided on."""
        if rollout.active is None:
            return None
        old = self._lineup
        loaded = [*old.by_role().values()] if old else []
        active = self._settle(rollout.active, loaded, problems) or (old.active if old else None)
        if active is None:
            return None
        return Lineup(
            active,
            self._settle(rollout.canary, loaded, problems),
            rollout.canary_percent,
            self._settle(rollout.shadow, loaded, problems))

    def _settle(
        self, row: ModelRow | None, loaded: list[Model], problems: list[str]
    ) -> Model | None:
        """The model of `row`: among those `loaded` in any role, or loaded now and added."""
        if row is None:
            return None
        for model in loaded:
            if model.digest == row.digest:
                return model
        try:
            with self._telemetry.model_load_seconds.time():
                model = self._loader.load(row)
        except Exception as error:  # the thread must outlive whatever a model does
            self._note_failure(row, error)
            reason = str(error) if isinstance(error, ImgclassError) else "see the log"
            problems.append(f"Model {row.version} cannot be loaded: {reason}")
            return None
        log.info("model loaded", extra={
            "model_version": model.version, "engine": model.engine.name, "digest": model.digest})
        self._reported.discard(row.digest)
        loaded.append(model)
        return model

    def _note_failure(self, row: ModelRow, error: Exception) -> None:
        self._telemetry.model_load_failures.inc()
        log.error("model not loaded", exc_info=error, extra={"model_version": row.version})
        if row.digest not in self._reported:
            # What a runtime says may hold what PostgreSQL cannot.
            reason = "".join(each if each.isprintable() else "?" for each in str(error)[:1000])
            self._repository.note_load_failure(row.version, reason)
            self._reported.add(row.digest)

    def _follow(self) -> None:
        delay = self._poll_seconds
        while True:
            try:
                failed = not self.refresh()
            except Exception as error:  # the thread must outlive an outage
                log.error("the rollout cannot be looked up", exc_info=error)
                failed = True
            delay = min(2 * delay, MAX_RETRY_SECONDS) if failed else self._poll_seconds
            self._wait(delay)

"""Engines and models that need no model."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.errors import ModelUnavailable
from common.inference.engine import Pixels
from common.inference.model import Model, ModelLoader, ModelRow
from predict.models import Lineup
from tests.manifests import manifest

LABELS = ["dark", "bright", "in between"]


class FakeEngine:
    """Tells dark pictures from bright ones; `before` runs at the start of every prediction."""

    def __init__(self, name: str = "litert") -> None:
        self.name = name
        self.calls: list[Pixels] = []
        self.before: Callable[[], object] = lambda: None

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        self.before()
        self.calls.append(pixels)
        bright = np.clip(pixels.mean(axis=(1, 2, 3)) / 2 + 0.5, 0, 1) * 0.75
        scores: NDArray[np.float32] = np.stack(
            [0.75 - bright, bright, np.full_like(bright, 0.25)], axis=-1).astype(np.float32)
        return scores


def fake_model(engine: FakeEngine | None = None, **changes: Any) -> Model:
    """A model of three classes; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "version": "v1", "digest": "a" * 64, "twin_digest": "b" * 64, "manifest": manifest(),
        "labels": LABELS, "engine": engine or FakeEngine()}
    return Model(**{**fields, **changes})


class FixedLineup:
    """ModelProvider with the same models for ever, or none; `before` runs with each look."""

    def __init__(self, active: Model | None, **roles: Any) -> None:
        self.before: Callable[[], object] = lambda: None
        self.current = None if active is None else Lineup(active, **roles)

    def lineup(self) -> Lineup:
        self.before()
        if self.current is None:
            raise ModelUnavailable("No model is active.")
        return self.current


class FakeLoader(ModelLoader):
    """Makes models around FakeEngines; `before` runs with each engine that is made."""

    def __init__(self) -> None:
        self.engines: list[FakeEngine] = []
        self.before: Callable[[FakeEngine], object] = lambda engine: None

    def load(self, row: ModelRow) -> Model:
        engine = FakeEngine()
        self.before(engine)
        self.engines.append(engine)
        return fake_model(engine, version=row.version, digest=row.digest,
                          twin_digest=row.twin_digest)

"""The model that answers: loaded, warmed, and swapped when another one is activated."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from common.errors import ImgclassError, ModelUnavailable
from common.inference.engine import Engine, Pixels, Score, best_scores, probabilities
from common.inference.imaging import Picture, preprocess
from common.inference.manifest import Manifest, parse_labels
from predict.model_files import ModelFiles
from predict.repository import ActiveModel, PredictionRepository
from predict.telemetry import Telemetry

MAX_RETRY_SECONDS = 60.0

EngineFactory = Callable[[ActiveModel, Manifest, ModelFiles], Engine]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Model:
    """A loaded model with all that an answer's lineage names."""

    version: str
    digest: str
    twin_digest: str | None
    manifest: Manifest
    labels: list[str]
    engine: Engine

    def classify(self, pixels: Pixels, top_k: int) -> list[Score]:
        """The `top_k` best classes of one preprocessed picture, shape (1, height, width, 3)."""
        output = probabilities(self.engine.predict(pixels), self.manifest)
        return best_scores(output[0], self.labels, top_k)

    def preprocess(self, picture: Picture) -> Pixels:
        """A picture as this model's input. Raises BrokenPicture."""
        return preprocess(picture, self.manifest)


class ModelProvider(Protocol):
    """Knows the model that answers at the moment."""

    def current(self) -> Model:
        """Raises ModelUnavailable while none is loaded and warm."""


class ModelHost:
    """Follows the active model of the database from a background thread.

    A request keeps the Model it began with, so a swap disturbs nobody; the old one is freed with
    its last request. A model that fails to load leaves the old one serving.
    """

    def __init__(
        self,
        repository: PredictionRepository,
        files: ModelFiles,
        make_engine: EngineFactory,
        telemetry: Telemetry,
        poll_seconds: float,
    ) -> None:
        self._repository = repository
        self._files = files
        self._make_engine = make_engine
        self._telemetry = telemetry
        self._poll_seconds = poll_seconds
        self._model: Model | None = None
        self._problem = "The model is not loaded yet."
        self._closed = threading.Event()

    def current(self) -> Model:
        """See ModelProvider.current."""
        model = self._model
        if model is None:
            raise ModelUnavailable(self._problem)
        return model

    def check(self) -> None:
        """Raises ModelUnavailable while no model is loaded and warm."""
        self.current()

    def start(self) -> None:
        """Begin to follow; returns at once."""
        threading.Thread(target=self._follow, name="model-host", daemon=True).start()

    def close(self) -> None:
        """Stop following."""
        self._closed.set()

    def refresh(self) -> None:
        """Load and warm the active model if it is not the current one.

        Raises whatever keeps it from serving; the current model stays.
        """
        active = self._repository.active_model()
        if active is None:
            self._model, self._problem = None, "No model is active."
            return
        if self._model is not None and self._model.digest == active.digest:
            return
        with self._telemetry.model_load_seconds.time():
            model = self._load(active)
        self._model = model
        self._telemetry.serving(model.version, model.digest, model.engine.name)
        log.info("model loaded", extra={
            "model_version": model.version, "engine": model.engine.name, "digest": model.digest})

    def _load(self, active: ActiveModel) -> Model:
        manifest = Manifest.from_json(active.manifest)
        labels = self._files.labels(active.model_path, manifest.files[manifest.labels_file])
        engine = self._make_engine(active, manifest, self._files)
        model = Model(
            active.version, active.digest, active.twin_digest, manifest,
            parse_labels(labels.read_text(encoding="utf-8")), engine)
        warm_up = np.zeros((1, manifest.height, manifest.width, 3), manifest.dtype)
        model.classify(warm_up, top_k=1)
        return model

    def _follow(self) -> None:
        delay = self._poll_seconds
        while not self._closed.is_set():
            try:
                self.refresh()
                delay = self._poll_seconds
            except Exception as error:  # the thread must outlive whatever a model does
                self._telemetry.model_load_failures.inc()
                log.error("the active model cannot be looked up or loaded", exc_info=error)
                if isinstance(error, ImgclassError):
                    self._problem = f"The active model cannot be loaded: {error}"
                delay = min(2 * delay, MAX_RETRY_SECONDS)
            self._closed.wait(delay)

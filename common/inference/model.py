"""A registered model, loaded: from its row and its files to something that classifies."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.errors import ModelUnavailable
from common.inference.batching import MicroBatcher
from common.inference.brightness import brightness
from common.inference.engine import Engine, Pixels, Score, best_scores, probabilities
from common.inference.files import ModelFiles
from common.inference.imaging import Picture, preprocess
from common.inference.manifest import Manifest, parse_labels


@dataclass(frozen=True)
class ModelRow:
    """A ready version as the database describes it; digests are SHA-256 in hexadecimal."""

    version: str
    model_path: str
    digest: str
    twin_digest: str | None
    manifest: dict[str, Any]


class Lineage(TypedDict):
    """What a prediction records of the model that made it."""

    model_version: str
    engine: str
    model_digest: str
    twin_digest: str | None
    preprocessing_digest: str


@dataclass(frozen=True)
class Model:
    """A loaded model with all that an answer's lineage names."""

    version: str
    digest: str
    twin_digest: str | None
    manifest: Manifest
    labels: list[str]
    engine: Engine

    def classify(
        self, pixels: Pixels, top_k: int, deadline: Deadline | None = None
    ) -> list[Score]:
        """The `top_k` best classes of one preprocessed picture. See `infer`."""
        return best_scores(self.infer(pixels, deadline), self.labels, top_k)

    def infer(self, pixels: Pixels, deadline: Deadline | None = None) -> NDArray[np.float32]:
        """The probabilities, shape (classes,), of one picture, shape (1, height, width, 3).

        Raises DeadlineExceeded if the engine is not free before the deadline.
        """
        if deadline is not None:
            deadline.check()
        output: NDArray[np.float32] = probabilities(
            self.engine.predict(pixels, deadline), self.manifest)[0]
        return output

    def preprocess(self, picture: Picture) -> Pixels:
        """A picture as this model's input. Raises BrokenPicture."""
        return preprocess(picture, self.manifest)

    def brightness(self, pixels: Pixels) -> float:
        """Mean luma, 0..1, of a picture that this model preprocessed."""
        return brightness(pixels, self.manifest)

    def lineage(self) -> Lineage:
        """What a prediction records of the model that made it."""
        return {
            "model_version": self.version,
            "engine": self.engine.name,
            "model_digest": self.digest,
            "twin_digest": self.twin_digest if self.engine.name == "litert" else None,
            "preprocessing_digest": self.manifest.preprocessing_digest,
        }


class ModelLoader:
    """Fetches, loads and warms models.

    `engine` is auto (the LiteRT twin, or TensorFlow for a model without one), litert or
    tensorflow. `threads` is how many pictures LiteRT infers at once, and the size of
    TensorFlow's pools; `micro_batches` gathers concurrent calls of TensorFlow. The engines are
    imported when first needed: with twins alone, TensorFlow never is.
    """

    def __init__(
        self, files: ModelFiles, engine: str, threads: int, micro_batches: bool = False
    ) -> None:
        self._files = files
        self._micro_batches = micro_batches
        self._engine = engine
        self._threads = threads

    def load(self, row: ModelRow) -> Model:
        """The model, warm: it has answered once.

        Raises StoreUnavailable if its files cannot be fetched or are not what their digests say,
        and ModelUnavailable if the engine asked for cannot run it.
        """
        manifest = Manifest.from_json(row.manifest)
        labels = self._files.labels(row.model_path, manifest.files[manifest.labels_file])
        model = Model(
            row.version, row.digest, row.twin_digest, manifest,
            parse_labels(labels.read_text(encoding="utf-8")), self._make_engine(row, manifest))
        warm_up = np.zeros((1, manifest.height, manifest.width, 3), manifest.dtype)
        model.classify(warm_up, top_k=1)
        return model

    def _make_engine(self, row: ModelRow, manifest: Manifest) -> Engine:
        policy = self._engine if self._engine != "auto" else manifest.engine
        if policy == "litert" and row.twin_digest is None:
            raise ModelUnavailable(f"Model {row.version} has no LiteRT twin; set ENGINE=auto.")
        if policy == "tensorflow" or row.twin_digest is None:
            return self._tensorflow(row, manifest)
        return self._litert(row.model_path, row.twin_digest)

    def _litert(self, path: str, digest: str) -> Engine:
        from common.inference.litert import LiteRtEngine
        return LiteRtEngine(self._files.twin(path, digest), self._threads)

    def _tensorflow(self, row: ModelRow, manifest: Manifest) -> Engine:
        try:
            from common.inference.tensorflow import TensorFlowEngine, limit_threads
        except ModuleNotFoundError as error:
            raise ModelUnavailable(
                f"Model {row.version} needs TensorFlow, which is not installed.") from error
        limit_threads(self._threads)
        engine = TensorFlowEngine.load(
            self._files.saved_model(row.model_path, row.digest), manifest)
        return MicroBatcher(engine) if self._micro_batches else engine

"""Which engine runs a model: ENGINE and what was compiled decide."""
from __future__ import annotations

from common.errors import ModelUnavailable
from common.inference.engine import Engine
from common.inference.manifest import Manifest
from predict.model_files import ModelFiles
from predict.repository import ActiveModel


class EngineChoice:
    """Makes the engine of a model; `choice` is auto, litert or tensorflow.

    The engines are imported when first needed: with the twin, TensorFlow never is.
    """

    def __init__(self, choice: str, threads: int) -> None:
        self._choice = choice
        self._threads = threads

    def __call__(self, active: ActiveModel, manifest: Manifest, files: ModelFiles) -> Engine:
        """Raises ModelUnavailable if litert is demanded of a model without a twin."""
        if self._choice == "tensorflow":
            return self._tensorflow(active, manifest, files)
        if active.twin_digest is not None:
            return self._litert(active.model_path, active.twin_digest, files)
        if self._choice == "litert":
            raise ModelUnavailable(f"Model {active.version} has no LiteRT twin; set ENGINE=auto.")
        return self._tensorflow(active, manifest, files)

    def _litert(self, path: str, digest: str, files: ModelFiles) -> Engine:
        from common.inference.litert import LiteRtEngine
        return LiteRtEngine(files.twin(path, digest), self._threads)

    def _tensorflow(self, active: ActiveModel, manifest: Manifest, files: ModelFiles) -> Engine:
        try:
            from common.inference.tensorflow import TensorFlowEngine, limit_threads
        except ModuleNotFoundError as error:
            raise ModelUnavailable(
                f"Model {active.version} needs TensorFlow, which is not installed.") from error
        limit_threads(self._threads)
        return TensorFlowEngine.load(
            files.saved_model(active.model_path, active.digest), manifest)

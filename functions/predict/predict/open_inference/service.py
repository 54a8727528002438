"""What the Open Inference Protocol asks for, answered by the service that answers all else."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from common.auth import Principal
from common.errors import ImgclassError, NotFound
from common.inference.imaging import open_picture
from common.inference.model import Model
from predict.batch.service import BatchClassifier
from predict.models import Lineup, ModelProvider
from predict.open_inference.tensors import INPUT, Tensor
from predict.service import Classification, Submission

OUTPUTS = ("probabilities", "label", "prediction_id", "image_id")


class InferenceProtocol:
    """Models and inference as each user sees them: one version answers a user at a time."""

    def __init__(
        self, models: ModelProvider, classifier: BatchClassifier, max_pixels: int
    ) -> None:
        self._models = models
        self._classifier = classifier
        self._max_pixels = max_pixels

    def model(self, caller: Principal, name: str, version: str | None) -> dict[str, Any]:
        """The metadata of the model that answers the caller. Raises what `infer` does for it."""
        _, model = self._find(caller, name, version)
        count = len(model.labels)
        return {
            "name": model.manifest.name,
            "versions": [model.version],
            "platform": f"imgclass_{model.engine.name}",
            "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
            "outputs": [
                {"name": each, "datatype": "FP32", "shape": [-1, count]}
                if each == "probabilities" else {"name": each, "datatype": "BYTES", "shape": [-1]}
                for each in OUTPUTS],
        }

    def infer(
        self, caller: Principal, name: str, version: str | None, pictures: Sequence[bytes],
        submission: Callable[[bytes, Lineup], Submission],
    ) -> tuple[Model, dict[str, Tensor]]:
        """The outputs for encoded pictures, and the one model that gave them.

        `submission` says what else is known of a picture. Raises NotFound for a model, or a
        version of it, that does not answer the caller, ModelUnavailable, and, naming the picture,
        what ClassificationService.classify raises for the first that has no answer. Pictures whose
        headers tell that they cannot be used are found before any is classified.
        """
        lineup, model = self._find(caller, name, version)
        for number, each in enumerate(pictures):
            try:
                open_picture(each, self._max_pixels)
            except ImgclassError as error:
                raise _located(error, number) from error
        results = self._classifier.classify(submission(each, lineup) for each in pictures)
        return model, _outputs([_answered(each, number) for number, each in enumerate(results)])

    def _find(self, caller: Principal, name: str, version: str | None) -> tuple[Lineup, Model]:
        lineup = self._models.lineup()
        model = lineup.model_for(caller.user_id)
        if name != model.manifest.name:
            raise NotFound(f"There is no such model; it is {model.manifest.name}.")
        if version not in (None, model.version):
            raise NotFound(f"This version does not answer you; it is {model.version}.")
        return lineup, model


def _answered(result: Classification | Exception, number: int) -> Classification:
    if isinstance(result, ImgclassError):
        raise _located(result, number) from result
    if isinstance(result, Exception):
        raise result
    return result


def _located(error: ImgclassError, number: int) -> ImgclassError:
    return type(error)(f"{INPUT}[{number}]: {error}")


def _outputs(answers: Sequence[Classification]) -> dict[str, Tensor]:
    """The tensors of OUTPUTS."""
    rows = [each.probabilities for each in answers if each.probabilities is not None]
    return {
        # A float32 softmax rounds beyond 1.
        "probabilities": np.minimum(rows, np.float32(1)),
        "label": [each.scores[0].label for each in answers],
        "prediction_id": [str(each.prediction_id) for each in answers],
        "image_id": [str(each.image_id) for each in answers],
    }

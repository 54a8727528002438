"""The TensorFlow engine: the SavedModel itself. Nothing else that serves imports tensorflow."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.inference.engine import Pixels
from common.inference.manifest import Manifest


class TensorFlowEngine:
    """A SavedModel's signature, called with whole batches."""

    name = "tensorflow"

    def __init__(self, model: Any, manifest: Manifest) -> None:
        """Serve what `tf.saved_model.load` gave; its signature does not keep it alive."""
        self.model = model
        self.signature = model.signatures[manifest.signature]
        self._input, self._output = manifest.input_name, manifest.output_name

    @classmethod
    def load(cls, saved_model: Path, manifest: Manifest) -> TensorFlowEngine:
        """Load a SavedModel folder."""
        return cls(tf.saved_model.load(str(saved_model)), manifest)

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        """See Engine.predict."""
        answer = self.signature(**{self._input: tf.constant(pixels)})
        output: NDArray[np.float32] = answer[self._output].numpy()
        return output


def limit_threads(threads: int) -> None:
    """Size TensorFlow's thread pools; must come before its first operation.

    Left alone it counts the machine's cores, not the container's.
    """
    if tf.config.threading.get_intra_op_parallelism_threads() == threads:
        return  # once set and used, they cannot be set again
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

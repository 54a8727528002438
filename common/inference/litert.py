"""The LiteRT engine: the compiled twin of a model."""
from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.errors import DeadlineExceeded
from common.inference.engine import Pixels
from common.inference.mapped_files import drop_pages


class LiteRtEngine:
    """A pool of single-thread interpreters, one for each picture inferred at once.

    LiteRT gains nothing from batches on a CPU, so the pictures of one call run one by one.
    """

    name = "litert"

    def __init__(self, model: Path, threads: int) -> None:
        self._idle: queue.LifoQueue[Interpreter] = queue.LifoQueue()
        for _ in range(threads):
            interpreter = Interpreter(str(model), num_threads=1)
            interpreter.allocate_tensors()
            self._idle.put(interpreter)
        drop_pages(model)  # each has packed the weights in a form of its own
        self._input = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]

    def predict(
        self, pixels: Pixels, deadline: Deadline | None = None
    ) -> NDArray[np.float32]:
        """See Engine.predict."""
        try:
            interpreter = self._idle.get(timeout=deadline.remaining() if deadline else None)
        except queue.Empty:
            raise DeadlineExceeded() from None
        try:
            return np.concatenate([self._predict_one(interpreter, one) for one in pixels])
        finally:
            self._idle.put(interpreter)

    def _predict_one(self, interpreter: Interpreter, picture: NDArray[Any]) -> NDArray[np.float32]:
        interpreter.set_tensor(self._input, picture[np.newaxis])
        interpreter.invoke()
        output: NDArray[np.float32] = interpreter.get_tensor(self._output)
        return output

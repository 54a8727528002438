"""What a SavedModel says of its inputs and outputs."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from common.errors import InvalidModel
from model_admin.validation.ops import check_ops
from model_admin.validation.saved_model import load_saved_model

DEFAULT_SIGNATURE = "serving_default"
DTYPES = ("float32", "uint8")
RGB_CHANNELS = 3


@dataclass(frozen=True)
class Signature:
    """A signature that takes pictures; `height` and `width` are None where it takes any.

    `call` takes one batch, of shape (n, height, width, 3), by the input's name.
    """

    name: str
    input_name: str
    dtype: str
    height: int | None
    width: int | None
    call: Any
    # A signature does not keep its model alive.
    model: Any


def load_signature(saved_model: Path, wanted: str | None = None) -> Signature:
    """Load a SavedModel and read its signature `wanted`, or the one it is served by.

    Raises InvalidModel with the reason why it cannot be served, before anything of a graph
    with forbidden operations is run.
    """
    check_ops(saved_model)
    model = load_saved_model(saved_model)
    name = _choose(list(model.signatures), wanted)
    call = model.signatures[name]
    inputs = call.structured_input_signature[1]
    if len(inputs) != 1:
        raise InvalidModel(
            f"The signature {name!r} takes {len(inputs)} inputs {sorted(inputs)}, but a picture "
            "is one.")
    [(input_name, source)] = inputs.items()
    height, width = _size(source)
    return Signature(name, input_name, source.dtype.name, height, width, call, model)


def _choose(names: list[str], wanted: str | None) -> str:
    if not names:
        raise InvalidModel(
            "The SavedModel has no signature: save it with signatures={'serving_default': ...}, "
            "or by model.export().")
    if wanted is None and len(names) == 1:
        return names[0]
    name = wanted or DEFAULT_SIGNATURE
    if name not in names:
        raise InvalidModel(
            f"The SavedModel has no signature {name!r}, only {sorted(names)}: choose one with "
            "--signature.")
    return name


def _size(source: tf.TensorSpec) -> tuple[int | None, int | None]:
    """Height and width of the pictures an input takes; raises InvalidModel if it takes none."""
    if source.dtype.name not in DTYPES:
        raise InvalidModel(
            f"The input {source.name!r} takes {source.dtype.name}; pictures come as "
            f"{' or '.join(DTYPES)}: convert them in the model, then export it again.")
    if source.shape.rank is None:
        return None, None
    if source.shape.rank != 4 or source.shape[3] not in (RGB_CHANNELS, None):
        raise InvalidModel(
            f"The input {source.name!r} takes the shape {source.shape}; pictures come as "
            "(n, height, width, 3), in RGB.")
    return source.shape[1], source.shape[2]

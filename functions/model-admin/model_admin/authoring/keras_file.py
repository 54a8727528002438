"""Exporting a Keras file as a SavedModel. Loading one runs code of its maker's choice."""
from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from common.errors import InvalidModel
from model_admin.validation.saved_model import first_line


def export_keras_file(file: Path, saved_model: Path) -> None:
    """Write the model of a .keras or .h5 file as the folder `saved_model`, replacing it.

    Raises InvalidModel if Keras cannot load or export it. Keras' safe mode stays on, which
    refuses some code, but not all: never for a file from outside.
    """
    import tensorflow as tf

    try:
        model = tf.keras.models.load_model(file, compile=False)
    except Exception as error:  # Keras raises whatever the file leads it to
        raise InvalidModel(
            f"Keras cannot load {file.name}; if that needs code of yours, load it in a program of "
            f"your own and call model.export() there: {first_line(error)}") from error
    saved_model.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=saved_model.parent, prefix=".export-") as scratch:
        exported = Path(scratch, "saved_model")
        try:
            _for_inference(model).export(exported, format="tf_saved_model", verbose=False)
        except Exception as error:  # see above
            raise InvalidModel(f"Keras cannot export {file.name}: {first_line(error)}") from error
        if saved_model.exists():
            shutil.rmtree(saved_model)
        exported.rename(saved_model)


def _for_inference(model: Any) -> Any:
    """The same model with training=False: its export would leave augmenting layers switched on."""
    import tensorflow as tf

    if len(getattr(model, "inputs", None) or ()) != 1:
        return model  # one without declared inputs, or no model of pictures
    [source] = model.inputs
    pixels = tf.keras.Input(batch_shape=source.shape, dtype=source.dtype, name=source.name)
    arguments = pixels
    if not isinstance(model, tf.keras.Sequential):  # whose input has no name to pass it by
        arguments = tf.nest.map_structure(lambda _: pixels, model.input)
    return tf.keras.Model(pixels, model(arguments, training=False))

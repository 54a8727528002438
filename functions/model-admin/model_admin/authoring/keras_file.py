"""Exporting a Keras file as a SavedModel. Loading one runs code of its maker's choice."""
from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from common.errors import InvalidModel
from model_admin.authoring.signature import first_line


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
            f"Keras cannot load {file.name}: {first_line(error)} If it needs code of yours, load "
            "it in your own program and call model.export() there.") from error
    with tempfile.TemporaryDirectory(dir=saved_model.parent, prefix=".export-") as scratch:
        exported = Path(scratch, "saved_model")
        try:
            model.export(exported, format="tf_saved_model", verbose=False)
        except Exception as error:  # see above
            raise InvalidModel(f"Keras cannot export {file.name}: {first_line(error)}") from error
        if saved_model.exists():
            shutil.rmtree(saved_model)
        exported.rename(saved_model)

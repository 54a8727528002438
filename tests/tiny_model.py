"""A real model that is built, compiled and loaded in a moment. Imports tensorflow."""
from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from common.inference.manifest import Manifest
from common.model_store import archive_key, labels_key, twin_key
from common.storage import ObjectStore
from tests.models import build


class TinyModel:
    """A SavedModel of 8 x 8 pixels and three classes, its twin, and what they must answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = build("good", folder)
        self.document = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.manifest = Manifest.from_json(self.document)
        self.twin = folder / "twin.tflite"
        self._loaded = tf.saved_model.load(str(folder / "saved_model"))
        signature = self._loaded.signatures["serving_default"]
        converter = tf.lite.TFLiteConverter.from_concrete_functions([signature], self._loaded)
        self.twin.write_bytes(converter.convert())
        weights = np.random.default_rng(1).normal(size=(192, 3)) / 8
        self._weights: NDArray[np.float32] = weights.astype(np.float32)

    def answer(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """The model's mathematics, in numpy."""
        logits = pixels.reshape(len(pixels), -1) @ self._weights
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float32] = exponentials / exponentials.sum(1, keepdims=True)
        return probabilities

    def put_into(self, store: ObjectStore, path: str) -> None:
        """Store the archive, the twin and the labels as a registered model's."""
        store.put(archive_key(path), self.archive(), "application/zip")
        store.put(twin_key(path), self.twin.read_bytes(), "application/octet-stream")
        store.put(labels_key(path), (self.folder / "labels.txt").read_bytes(), "text/plain")

    def archive(self) -> bytes:
        """The zip an administrator would send; the same bytes every time."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as zipped:
            for path in sorted(self.folder.rglob("*")):
                if path.is_file() and path != self.twin:
                    zipped.write(path, path.relative_to(self.folder))
        return file.getvalue()

    def digests(self) -> tuple[str, str]:
        """SHA-256 of the archive and of the twin."""
        return (hashlib.sha256(self.archive()).hexdigest(),
                hashlib.sha256(self.twin.read_bytes()).hexdigest())

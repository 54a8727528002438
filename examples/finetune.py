"""Fine-tune the head of a classifier on corrected answers, and register it as a new version.

    python -m examples.finetune MODEL dataset.zip v2 --push http://127.0.0.1:8000

MODEL is the folder of the version that is served: manifest.json, labels.txt and saved_model/.
dataset.zip is what GET /api/v1/datasets/export?format=imagefolder answers. The token of an
administrator is read from the variable TOKEN.

The network itself stays as it is. What is trained is one layer more, from its log-probabilities to
new ones, which begins as the identity and is held near it: classes of which nobody has said
anything keep their answers. Labels that are new to the model are added behind its own.
"""
from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import tensorflow as tf

from common.inference.imaging import open_picture, preprocess
from common.inference.manifest import Manifest, parse_labels
from imgclass.client import Client
from imgclass.packing import pack

MAX_PIXELS = 40_000_000
STEPS, LEARNING_RATE, HELD = 300, 0.02, 0.01
FLOOR = 1e-7  # of a probability, so that it has a logarithm


@dataclass
class Pictures:
    """Preprocessed pictures, shape (n, height, width, 3), and the index of each one's label."""

    pixels: Any
    classes: Any


def read(dataset: Path, manifest: Manifest, labels: list[str]) -> dict[str, Pictures]:
    """The pictures by part; a label that is not in `labels` is added to it."""
    found: dict[str, list[tuple[Any, int]]] = {"train": [], "validation": [], "test": []}
    with zipfile.ZipFile(dataset) as archive:
        for name in archive.namelist():
            part, folder, _ = name.split("/")
            label = unquote(folder)
            if label not in labels:
                labels.append(label)
            picture = open_picture(archive.read(name), MAX_PIXELS)
            found[part].append((preprocess(picture, manifest)[0], labels.index(label)))
    return {part: Pictures(np.array([pixels for pixels, _ in pairs]),
                           np.array([label for _, label in pairs], np.int64))
            for part, pairs in found.items() if pairs}


class Tuned(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """A SavedModel with one layer more, which begins as the identity."""

    def __init__(self, base: Any, manifest: Manifest, known: int, classes: int) -> None:
        super().__init__()
        self.base, self._manifest = base, manifest
        self._signature = base.signatures[manifest.signature]
        self.begin = tf.constant(np.eye(known, classes, dtype=np.float32))
        self.change = tf.Variable(tf.zeros((known, classes)))
        # A class that was unknown so far begins as one that the model hardly ever gives.
        self.bias = tf.Variable([0.0] * known + [float(np.log(FLOOR))] * (classes - known))

    def features(self, pixels: Any) -> Any:
        """Log-probabilities of the network's own classes."""
        output = self._signature(**{self._manifest.input_name: pixels})[self._manifest.output_name]
        if self._manifest.output_kind == "logits":
            return tf.nn.log_softmax(output)
        return tf.math.log(tf.maximum(output, FLOOR))

    def logits(self, features: Any) -> Any:
        """What softmax makes probabilities of all classes of."""
        return features @ (self.begin + self.change) + self.bias


def train(model: Tuned, pictures: Pictures) -> None:
    """Change the layer, as little as the labels of the pictures ask for."""
    features = batched(model, pictures)
    optimizer = tf.keras.optimizers.Adam(LEARNING_RATE)
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                pictures.classes, model.logits(features))
            loss = tf.reduce_mean(losses) + HELD * tf.reduce_sum(model.change ** 2)
        variables = [model.change, model.bias]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))


def batched(model: Tuned, pictures: Pictures, size: int = 32) -> Any:
    """The features of many pictures."""
    return tf.concat([model.features(tf.constant(pictures.pixels[start:start + size]))
                      for start in range(0, len(pictures.pixels), size)], 0)


def accuracy(model: Tuned, pictures: Pictures) -> float:
    """The share of the pictures that get their label, 0 to 1."""
    given = tf.argmax(model.logits(batched(model, pictures)), 1)
    return float(np.mean(given.numpy() == pictures.classes))


def save(model: Tuned, manifest: dict[str, Any], labels: list[str], folder: Path) -> None:
    """Write the folder of a model, with the signature of the one it was made of."""
    source, output = manifest["input"], manifest["output"]
    spec = tf.TensorSpec(
        (None, source["height"], source["width"], 3), source["dtype"], source["name"])
    serve = tf.function(
        lambda pixels: {output["name"]: tf.nn.softmax(model.logits(model.features(pixels)))},
        input_signature=[spec])
    model.serve = serve
    tf.saved_model.save(model, str(folder / "saved_model"), {source["signature"]: serve})
    (folder / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
    changed = {
        **manifest, "files": {}, "output": {**output, "kind": "probabilities"},
        "labels": {**manifest["labels"], "count": len(labels)}}
    (folder / "manifest.json").write_text(json.dumps(changed), encoding="utf-8")


def finetune(base: Path, dataset: Path, version: str, archive: Path) -> dict[str, float]:
    """Write the archive of a new version; its accuracy on what it was not trained with."""
    document = json.loads((base / "manifest.json").read_text("utf-8"))
    manifest = Manifest.from_json(document)
    labels = parse_labels((base / "labels.txt").read_text("utf-8"))
    known = len(labels)
    parts = read(dataset, manifest, labels)
    if "train" not in parts:
        raise SystemExit("The data set has no pictures to train with.")
    model = Tuned(tf.saved_model.load(str(base / "saved_model")), manifest, known, len(labels))
    held_out = parts.get("validation", parts["train"])
    scores = {"before": accuracy(model, held_out)}
    train(model, parts["train"])
    scores["after"] = accuracy(model, held_out)
    with tempfile.TemporaryDirectory() as folder:
        save(model, document, labels, Path(folder))
        for pictures in ("golden", "calibration"):
            if (base / pictures).is_dir():
                shutil.copytree(base / pictures, Path(folder, pictures))
        pack(Path(folder), archive, version)
    return scores


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("version")
    parser.add_argument("--push", metavar="URL", help="register the new version there")
    asked = parser.parse_args()
    archive = Path(f"{asked.version}.zip")
    scores = finetune(asked.model, asked.dataset, asked.version, archive)
    print(f"{archive}: accuracy {scores['before']:.2f} before, {scores['after']:.2f} after")
    if asked.push:
        with Client(asked.push, os.environ["TOKEN"]) as client:
            client.register_model(archive)
            print(f"{asked.version} is {client.wait_for_model(asked.version).state}")


if __name__ == "__main__":
    main()

"""Teach a model what people said of its answers, and make a new version of it.

With labelled pictures in the service (docs/feedback.md):

    .venv/bin/imgclass export --dataset -o dataset.zip
    .venv/bin/python examples/finetune.py dataset.zip var/models/efficientnet-lite0-v1.zip my-model
    .venv/bin/imgclass models push my-model --version v2

The new model is the old one with another last layer: a softmax over the labels of the dataset, on
top of the logarithms of the old probabilities. Those are the old logits up to a constant, so that
this is the classifier's head trained anew, for any model that is served, whatever it is inside.
Pictures are prepared by the service's own code, as they will be when the model answers.
"""
from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
from common.inference.imaging import open_picture, preprocess  # noqa: E402
from common.inference.manifest import Manifest  # noqa: E402

MAX_PIXELS = 40_000_000
STEPS, RATE, DECAY = 500, 0.5, 1e-3
LEAST = 1e-7  # the logarithm of 0 is none

Floats = NDArray[np.float32]
Part = dict[str, list[bytes]]  # pictures by label


def read_dataset(file: Path) -> dict[str, Part]:
    """The pictures of train, validation and test by their labels."""
    parts: dict[str, Part] = defaultdict(lambda: defaultdict(list))
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            part, folder, _ = name.split("/")
            parts[part][unquote(folder)].append(archive.read(name))
    return parts


def features(
    base: tf.types.experimental.ConcreteFunction, manifest: Manifest, part: Part,
) -> tuple[Floats, list[str]]:
    """Logarithms of the old probabilities, float32 [pictures, old classes], and the labels."""
    rows, labels = list[Floats](), list[str]()
    for label, pictures in sorted(part.items()):
        for data in pictures:
            pixels = preprocess(open_picture(data, MAX_PIXELS), manifest)
            answer = base(**{manifest.input_name: tf.constant(pixels)})[manifest.output_name]
            rows.append(np.log(np.maximum(answer.numpy()[0], LEAST)))
            labels.append(label)
    return np.stack(rows).astype(np.float32), labels


def train(rows: Floats, wanted: NDArray[np.intp], classes: int) -> tuple[Floats, Floats]:
    """Weights [old classes, classes] and bias [classes] of softmax regression, by gradient descent
    with weight decay on standardised features."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    scaled, one_hot = (rows - mean) / scale, np.eye(classes, dtype=np.float32)[wanted]
    weights = np.zeros((rows.shape[1], classes), np.float32)
    bias = np.zeros(classes, np.float32)
    for _ in range(STEPS):
        error = (softmax(scaled @ weights + bias) - one_hot) / len(rows)
        weights -= RATE * (scaled.T @ error / np.sqrt(rows.shape[1]) + DECAY * weights)
        bias -= RATE * error.sum(axis=0)
    weights /= scale[:, None]
    return weights, bias - mean @ weights


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def save(
    base: tf.types.experimental.ConcreteFunction, manifest: Manifest, weights: Floats,
    bias: Floats, loaded: tf.Module, folder: Path,
) -> None:
    """Write the SavedModel, with the old signature's input and the new probabilities."""
    module = tf.Module()
    module.loaded, module.weights = loaded, tf.Variable(weights, trainable=False)
    module.bias = tf.Variable(bias, trainable=False)
    shape = [None, manifest.height, manifest.width, 3]

    @tf.function(input_signature=[tf.TensorSpec(shape, manifest.dtype, manifest.input_name)])
    def classify(image: tf.Tensor) -> dict[str, tf.Tensor]:
        old = base(**{manifest.input_name: image})[manifest.output_name]
        logits = tf.math.log(tf.maximum(old, LEAST)) @ module.weights + module.bias
        return {manifest.output_name: tf.nn.softmax(logits)}

    module.classify = classify
    tf.saved_model.save(module, str(folder), signatures={manifest.signature: classify})


def main(dataset: Path, archive: Path, target: Path) -> None:
    parts = read_dataset(dataset)
    labels = sorted(parts["train"])
    if len(labels) < 2:
        sys.exit(f"{dataset} has pictures of {len(labels)} labels to train with; it takes two")
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(archive).extractall(folder)  # one of your own
        document = json.loads(Path(folder, "manifest.json").read_text(encoding="utf-8"))
        manifest = Manifest.from_json(document)
        if manifest.output_kind != "probabilities":
            sys.exit(f"{archive} answers {manifest.output_kind}; it takes probabilities")
        loaded = tf.saved_model.load(str(Path(folder, "saved_model")))
        base = loaded.signatures[manifest.signature]
        rows, names = features(base, manifest, parts["train"])
        weights, bias = train(
            rows, np.array([labels.index(name) for name in names]), len(labels))
        for part in ("train", "validation", "test"):
            if known := {name: data for name, data in parts[part].items() if name in labels}:
                seen, wanted = features(base, manifest, known)
                right = [labels[best] for best in (seen @ weights + bias).argmax(axis=1)]
                share = np.mean([a == b for a, b in zip(right, wanted)])
                print(f"{part}: {share:.0%} of {len(wanted)} pictures right")
        target.mkdir(parents=True, exist_ok=True)
        save(base, manifest, weights, bias, loaded, target / "saved_model")
    (target / "labels.txt").write_text("".join(f"{each}\n" for each in labels), encoding="utf-8")
    for name in ("files", "golden", "version"):
        document.pop(name, None)
    document["description"] = f"{document['name']} with a head for {len(labels)} labels"
    document["labels"]["count"] = len(labels)
    document["top_k"] = min(document["top_k"], len(labels))
    (target / "manifest.json").write_text(json.dumps(document, indent=2), encoding="utf-8")
    print(f"{target}: a model of {', '.join(labels)}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: finetune.py DATASET.zip MODEL.zip FOLDER")
    main(*map(Path, sys.argv[1:]))

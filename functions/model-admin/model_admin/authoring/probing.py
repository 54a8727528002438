"""Trying a model out: which of its outputs are the classes, and are they probabilities?"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from common.errors import InvalidModel
from common.inference.engine import Pixels
from model_admin.authoring.signature import Signature
from model_admin.validation.saved_model import SAME_ANSWER, SUM_TOLERANCE, first_line

NOISE_PROBES = 3
# Mean and scale of the usual ways to prepare a picture: one of them may be this model's.
SCALINGS = ((0.0, 1.0), (127.5, 127.5), (0.0, 255.0))
# Calls with one picture: enough that flipping a coin for each shows.
REPEATS = 18

Answers = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Output:
    """The output that holds the classes; `doubt` says what about it is to be checked, if any."""

    name: str
    kind: str
    classes: int
    doubt: str = ""


def probe(signature: Signature, height: int, width: int) -> Answers:
    """What every output answers to black, white and noise in each of SCALINGS, (n, ...).

    Raises InvalidModel if the model does not run.
    """
    answers: dict[str, list[NDArray[np.float32]]] = {}
    for picture in _pictures(signature.dtype, height, width):
        for name, output in _call(signature, picture).items():
            answers.setdefault(name, []).append(output)
    return {name: np.concatenate(each) for name, each in answers.items() if each[0].ndim > 0}


def refuse_chance(signature: Signature, output: Output, height: int, width: int) -> None:
    """Raises InvalidModel if the same picture does not always get the same answer.

    Keras exports layers that augment pictures switched on, unless told that it is no training.
    """
    variants = _scaled(_noise((1, height, width, 3)), signature.dtype)
    for picture in variants:
        first, *others = (_call(signature, picture)[output.name]
                          for _ in range(REPEATS // len(variants)))
        if not all(np.allclose(first, other, SAME_ANSWER, SAME_ANSWER, equal_nan=True)
                   for other in others):
            raise InvalidModel(
                "The model answers the same picture differently each time: layers that augment "
                "pictures or drop values are switched on in it. Export "
                "keras.Model(inputs, model(inputs, training=False)) instead of the model.")


def choose_output(answers: Answers, labels: list[str] | None) -> Output:
    """The output that looks like classes, as many as there are `labels`, if they are known.

    Probabilities come before other numbers, and few before many, which rather are features.
    Raises InvalidModel if none has the shape (n, classes).
    """
    outputs = [_judge(name, each) for name, each in answers.items() if _is_classes(each)]
    if not outputs:
        raise InvalidModel(f"No output has a float32 number for each class: {_shapes(answers)}.")
    best = max(outputs, key=lambda output: (
        output.classes == len(labels or ()), output.kind == "probabilities", -output.classes))
    if len(answers) == 1:
        return best
    doubt = (f"The signature gives {_shapes(answers)}; {best.name} looks like the classes. "
             f"{best.doubt}")
    return Output(best.name, best.kind, best.classes, doubt.strip())


def _pictures(dtype: str, height: int, width: int) -> Iterable[Pixels]:
    """Batches of one picture, (1, height, width, 3)."""
    shape = (1, height, width, 3)
    pictures = [np.zeros(shape), np.full(shape, 255), *_noise((NOISE_PROBES, *shape))]
    return [variant for picture in pictures for variant in _scaled(picture, dtype)]


def _noise(shape: tuple[int, ...]) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 256, shape)


def _scaled(picture: NDArray[Any], dtype: str) -> list[Pixels]:
    """A picture with pixels in 0..255 in every way the model may want it."""
    if dtype == "uint8":
        return [picture.astype(np.uint8)]
    return [((picture - mean) / scale).astype(np.float32) for mean, scale in SCALINGS]


def _call(signature: Signature, picture: Pixels) -> dict[str, NDArray[Any]]:
    try:
        outputs = signature.call(**{signature.input_name: tf.constant(picture)})
        return {name: output.numpy() for name, output in outputs.items()}
    except Exception as error:  # TensorFlow raises whatever the graph leads it to
        raise InvalidModel(
            f"The model does not take a picture of shape {picture.shape}: "
            f"{first_line(error)}") from error


def _is_classes(answers: NDArray[np.float32]) -> bool:
    return answers.ndim == 2 and answers.shape[1] > 1 and answers.dtype == np.float32


def _judge(name: str, answers: NDArray[np.float32]) -> Output:
    classes = answers.shape[1]
    # A scaling that is not the model's may well lead it to infinity.
    finite = answers[np.isfinite(answers).all(axis=1)]
    if not len(finite):
        raise InvalidModel(f"The output {name!r} is NaN or infinity for every picture tried.")
    if finite.min() < 0 or finite.max() > 1 + SUM_TOLERANCE:
        return Output(name, "logits", classes)
    if np.allclose(finite.sum(axis=1), 1, atol=SUM_TOLERANCE):
        return Output(name, "probabilities", classes)
    return Output(name, "logits", classes, (
        "The outputs tried lie in 0..1 but do not add up to 1. If the model ends in a sigmoid, "
        "one answer per class, the softmax of kind \"logits\" makes them wrong: end it in a "
        "softmax and export it again."))


def _shapes(answers: Answers) -> str:
    shapes = [f"{name} ({', '.join(['n', *map(str, each.shape[1:])])}) {each.dtype}"
              for name, each in sorted(answers.items())]
    return "; ".join(shapes) or "there is none"

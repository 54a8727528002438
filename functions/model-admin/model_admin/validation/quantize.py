"""The int8 twin: a quarter of the size, served only where it answers alike and is faster."""
from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.inference.engine import Engine, Pixels, probabilities
from common.inference.litert import LiteRtEngine
from common.inference.manifest import Manifest, Quantization
from model_admin.validation.calibration import MIN_PICTURES, Pictures, read_pictures
from model_admin.validation.saved_model import LoadedModel
from model_admin.validation.twin import convert_to_int8, explain_failure

TIMED_ROUNDS, MIN_TIMED_ROUNDS = 30, 5
# No round is begun after these, unless there were fewer than MIN_TIMED_ROUNDS.
TIMED_SECONDS = 20.0

# Median milliseconds that each of the engines takes for one picture.
Stopwatch = Callable[[Sequence[Engine], Sequence[Pixels]], list[float]]


@dataclass(frozen=True)
class Measured:
    """An int8 twin beside the float32 one, on `compared` pictures it was not calibrated with.

    `agreed` of them got the same class from both, and so did `golden_agreed` of the `golden`
    ones among them. Latencies are medians in milliseconds a picture.
    """

    finite: bool
    compared: int
    agreed: int
    golden: int
    golden_agreed: int
    float32_latency_ms: float
    int8_latency_ms: float

    @property
    def top_1_agreement(self) -> float:
        """The share of pictures that got the same class, 0..1."""
        return self.agreed / self.compared


def refusal(
    pictures: int, measured: Measured | None, min_top_1_agreement: float
) -> str | None:
    """Why an int8 twin is not served, None if nothing speaks against it.

    `pictures` is how many there are for calibration and evaluation together; `measured` is None
    as long as there is no twin.
    """
    if pictures < MIN_PICTURES:
        return (f"There are {pictures} different readable pictures to calibrate it with and to "
                f"judge it by; it takes {MIN_PICTURES}.")
    if measured is None:
        return None
    if not measured.finite:
        return "It answers NaN or infinity."
    if measured.top_1_agreement < min_top_1_agreement:
        return (f"It gives the class of the float32 twin to {measured.agreed} of "
                f"{measured.compared} pictures, a share below {min_top_1_agreement:g}.")
    if measured.golden_agreed < measured.golden:
        return "It gives a golden picture another class than the float32 twin."
    if measured.int8_latency_ms >= measured.float32_latency_ms:
        return (f"It is not faster here: {measured.int8_latency_ms:g} ms a picture, the float32 "
                f"twin {measured.float32_latency_ms:g} ms.")
    return None


def take_turns(engines: Sequence[Engine], pictures: Sequence[Pixels]) -> list[float]:
    """The Stopwatch: the engines take turns, so that whatever else the machine does slows all."""
    times: list[list[float]] = [[] for _ in engines]
    begun = time.perf_counter()
    for turn in range(TIMED_ROUNDS):
        if turn >= MIN_TIMED_ROUNDS and time.perf_counter() - begun > TIMED_SECONDS:
            break
        picture = pictures[turn % len(pictures)]
        for place in range(len(engines)):
            number = (turn + place) % len(engines)
            started = time.perf_counter()
            engines[number].predict(picture)
            times[number].append((time.perf_counter() - started) * 1000)
    return [round(float(np.median(each)), 4) for each in times]


def quantize_twin(
    model: LoadedModel,
    manifest: Manifest,
    wish: Quantization,
    folder: Path,
    float32: Path,
    int8: Path,
    stopwatch: Stopwatch = take_turns,
) -> dict[str, Any]:
    """Write an int8 twin to `int8` if it may take the place of the `float32` one.

    The report has all that was measured, whatever comes of it. `folder` is that of the unpacked
    model, with the pictures for calibration in it.
    """
    started = time.perf_counter()
    pictures = read_pictures(folder, manifest, model.probes)
    report = {
        "accepted": False, "mode": wish.mode, "min_top_1_agreement": wish.min_top_1_agreement,
        "pictures_from": "archive" if manifest.brings_calibration else "store",
        "calibration_pictures": len(pictures.calibration),
        "evaluation_pictures": len(pictures.evaluation),
        "unreadable_pictures": pictures.unreadable, "probes": len(model.probes)}
    reason = refusal(pictures.count, None, wish.min_top_1_agreement)
    if not float32.is_file():
        reason = "There is no float32 twin to compare it with."
    if reason is None:
        try:
            int8.write_bytes(convert_to_int8(model, manifest, pictures.calibration))
            measured, figures = _measure(
                float32, int8, manifest, model.probes, pictures, stopwatch)
        except Exception as error:  # the converter raises whatever the graph leads it to
            reason = f"It does not compile: {explain_failure(error)}"
        else:
            report.update(figures)
            reason = refusal(pictures.count, measured, wish.min_top_1_agreement)
    report["seconds"] = round(time.perf_counter() - started, 1)
    if reason is None:
        return {**report, "accepted": True}
    int8.unlink(missing_ok=True)
    return {**report, "reason": reason}


def _measure(
    float32: Path, int8: Path, manifest: Manifest, probes: Pixels, pictures: Pictures,
    stopwatch: Stopwatch,
) -> tuple[Measured, dict[str, Any]]:
    """What decides, and the figures of the report."""
    # Single threads, as predict runs them.
    engines = [LiteRtEngine(path, threads=1) for path in (float32, int8)]
    inputs = [*pictures.evaluation, *(probe[np.newaxis] for probe in probes)]
    expected, answers = (_answers(engine, inputs, manifest) for engine in engines)
    same = expected.argmax(axis=1) == answers.argmax(axis=1)
    golden = len(manifest.golden)  # the last of the probes
    float32_ms, int8_ms = stopwatch(engines, pictures.evaluation)
    measured = Measured(
        finite=bool(np.isfinite(answers).all() and np.isfinite(expected).all()),
        compared=len(inputs), agreed=int(same.sum()),
        golden=golden, golden_agreed=int(same[len(same) - golden:].sum()),
        float32_latency_ms=float32_ms, int8_latency_ms=int8_ms)
    figures = {
        "top_1_agreement": measured.top_1_agreement,
        "top_1_agreement_evaluation": float(same[:len(pictures.evaluation)].mean()),
        "size_bytes": int8.stat().st_size, "float32_size_bytes": float32.stat().st_size,
        "latency_ms": int8_ms, "float32_latency_ms": float32_ms,
        "latency_ratio": round(int8_ms / float32_ms, 3)}
    if measured.finite:  # PostgreSQL's JSON has no NaN
        figures["max_abs_difference"] = float(np.abs(answers - expected).max())
    return measured, figures


def _answers(
    engine: Engine, inputs: Sequence[Pixels], manifest: Manifest
) -> NDArray[np.float32]:
    return probabilities(np.concatenate([engine.predict(one) for one in inputs]), manifest)

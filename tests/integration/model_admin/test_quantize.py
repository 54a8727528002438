"""int8 twins, made by the converter and judged by what LiteRT answers."""
from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from common.config import Settings
from common.db import Database
from common.inference.engine import Engine, Pixels
from common.inference.litert import LiteRtEngine
from common.inference.manifest import Manifest, Quantization
from common.inference.tensorflow import TensorFlowEngine
from common.model_store import archive_key, twin_key
from model_admin.registry.repository import PostgresVersionRepository
from model_admin.validation.golden import golden_inputs
from model_admin.validation.probes import probe_inputs
from model_admin.validation.process import validate
from model_admin.validation.quantize import quantize_twin
from model_admin.validation.repository import PostgresClaimRepository
from model_admin.validation.saved_model import load_model
from model_admin.validation.stored_pictures import StoredPictures
from model_admin.validation.twin import compile_twin
from model_admin.validation.worker import ValidationWorker
from tests import models
from tests.archives import folder_members, pack
from tests.contracts.registry import new_version
from tests.databases import query
from tests.fakes.storage import InMemoryObjectStore
from tests.integration.model_admin.conftest import Build, manifest_of
from tests.pictures import encode

PICTURES = 40
TIMEOUT_SECONDS = 120.0
FIGURES = {
    "accepted", "mode", "min_top_1_agreement", "pictures_from", "calibration_pictures",
    "evaluation_pictures", "unreadable_pictures", "probes", "top_1_agreement",
    "top_1_agreement_evaluation", "size_bytes", "float32_size_bytes", "latency_ms",
    "float32_latency_ms", "latency_ratio", "max_abs_difference", "seconds"}


def picture(number: int) -> bytes:
    """Soft colours, unlike those of any other number."""
    coarse = np.random.default_rng(number).integers(0, 256, (3, 3, 3)).astype(np.uint8)
    return encode(Image.fromarray(coarse).resize((16, 12)), "PNG")


def add_pictures(folder: Path, count: int = PICTURES) -> Path:
    """Put pictures for calibration into a model's folder."""
    (folder / "calibration").mkdir()
    for number in range(count):
        (folder / "calibration" / f"{number}.png").write_bytes(picture(number))
    return folder


def twice_as_fast(_engines: Sequence[Engine], _pictures: Sequence[Pixels]) -> list[float]:
    """A Stopwatch that does not depend on the machine."""
    return [2.0, 1.0]


def equally_fast(_engines: Sequence[Engine], _pictures: Sequence[Pixels]) -> list[float]:
    return [1.0, 1.0]


class Bench:
    """A model, the float32 twin of another one or its own, pictures, and what comes of them."""

    def __init__(self, source: Path, folder: Path, twin_of: Path | None = None) -> None:
        self.folder = folder
        self.float32, self.int8 = folder / "twin.tflite", folder / "int8.tflite"
        self.manifest = manifest_of(source)
        probes = np.concatenate([
            probe_inputs(self.manifest), *golden_inputs(source, self.manifest)])
        proven = load_model((twin_of or source) / "saved_model", self.manifest, probes,
                            models.THREADS)
        assert compile_twin(proven, self.manifest, self.float32)["accepted"]
        self.model = replace(
            proven, engine=TensorFlowEngine.load(source / "saved_model", self.manifest))

    def quantize(self, least: float = 0.9, stopwatch: Any = twice_as_fast) -> dict[str, Any]:
        """The report, which can be stored as JSON."""
        report = quantize_twin(
            self.model, self.manifest, Quantization("int8", least), self.folder, self.float32,
            self.int8, stopwatch)
        json.dumps(report, allow_nan=False)
        assert self.int8.exists() is report["accepted"]
        assert self.float32.exists()
        return report


@pytest.mark.parametrize("kind", ["good", "uint8", "logits", "any-size", "features-too"])
def test_accepted(built: Build, tmp_path: Path, kind: str) -> None:
    """A twin that computes with integers takes and gives the same as the other, and is told
    with every figure."""
    bench = Bench(built(kind), add_pictures(tmp_path))
    report = bench.quantize()
    assert set(report) == FIGURES
    assert (report["calibration_pictures"], report["evaluation_pictures"]) == (20, 20)
    assert report["accepted"] is True and 0.9 <= report["top_1_agreement"] <= 1
    assert 0 < report["max_abs_difference"] < 0.1
    assert report["size_bytes"] == bench.int8.stat().st_size
    assert report["float32_size_bytes"] == bench.float32.stat().st_size
    assert (report["latency_ms"], report["float32_latency_ms"], report["latency_ratio"]) == (
        1.0, 2.0, 0.5)
    inputs = np.zeros((2, 8, 8, 3), bench.manifest.dtype)
    answers = [LiteRtEngine(path, threads=1).predict(inputs)
               for path in (bench.int8, bench.float32)]
    assert [(one.shape, one.dtype.name) for one in answers] == [((2, 3), "float32")] * 2


def test_weights_are_bytes(built: Build, tmp_path: Path) -> None:
    """Of a model that is mostly weights a quarter is left."""
    bench = Bench(built("good", classes=500), add_pictures(tmp_path))
    report = bench.quantize(least=0.01)
    assert 0.24 < report["size_bytes"] / report["float32_size_bytes"] < 0.35


def test_not_faster(built: Build, tmp_path: Path) -> None:
    """A twin that gains nothing is not worth its rounding; the figures say so."""
    report = Bench(built("good"), add_pictures(tmp_path)).quantize(stopwatch=equally_fast)
    assert report.pop("reason") == "It is not faster here: 1 ms a picture, the float32 twin 1 ms."
    assert set(report) == FIGURES


def test_disagreement(built: Build, tmp_path: Path) -> None:
    """A twin that answers something else is refused, with how often it agreed."""
    report = Bench(built("random"), add_pictures(tmp_path), built("good")).quantize(least=1)
    assert report.pop("reason").startswith("It gives the class of the float32 twin to ")
    assert report["top_1_agreement"] < 1
    assert set(report) == FIGURES


def test_not_a_number(built: Build, tmp_path: Path) -> None:
    """A twin that answers NaN is refused, and no NaN gets into the report."""
    report = Bench(built("nan"), add_pictures(tmp_path), built("good")).quantize(least=0.01)
    assert report.pop("reason") == "It answers NaN or infinity."
    assert set(report) == FIGURES - {"max_abs_difference"}


@pytest.fixture
def odd_on_blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good model that gives blank pictures another class; its golden picture is one."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("odd")
    module = tf.Module()
    module.weights = tf.Variable(
        np.random.default_rng(1).normal(size=(models.FEATURES, 3)) / 8, dtype=tf.float32)

    def serve(image: Any) -> dict[str, Any]:
        contrast = tf.reduce_max(tf.abs(image - image[:, :1, :1]))
        sign = tf.where(contrast < 0.1, -1.0, 1.0)
        return {"scores": models.scores(image, sign * module.weights)}

    models.save(module, tf.function(serve, input_signature=[models.FLOAT]), folder)
    (folder / "golden").mkdir()
    (folder / "golden" / "red.png").write_bytes(
        encode(Image.new("RGB", (8, 8), "red"), "PNG"))
    return models.complete(folder, 3, golden=[{"file": "golden/red.png", "label": "cat"}])


def test_golden(built: Build, odd_on_blank: Path, tmp_path: Path) -> None:
    """Among all pictures the golden ones must not be those that differ."""
    report = Bench(odd_on_blank, add_pictures(tmp_path), built("good")).quantize(least=0.8)
    assert report["top_1_agreement"] >= 0.8
    assert report["reason"] == "It gives a golden picture another class than the float32 twin."


def test_too_few_pictures(built: Build, tmp_path: Path) -> None:
    """With too few pictures nothing is converted; the report says how many there were."""
    report = Bench(built("good"), add_pictures(tmp_path, 19)).quantize()
    assert report["reason"].startswith("There are 19 different readable pictures ")
    assert (report["calibration_pictures"], report["evaluation_pictures"]) == (9, 10)
    assert "size_bytes" not in report


def test_no_float32_twin(built: Build, tmp_path: Path) -> None:
    """Without a float32 twin there is nothing to be equal to."""
    folder = built("uncompilable")
    manifest: Manifest = manifest_of(folder)
    model = load_model(folder / "saved_model", manifest, probe_inputs(manifest), models.THREADS)
    report = quantize_twin(
        model, manifest, Quantization("int8", 0.98), add_pictures(tmp_path),
        tmp_path / "twin.tflite", tmp_path / "int8.tflite")
    assert report["reason"] == "There is no float32 twin to compare it with."


def test_uncompilable(built: Build, tmp_path: Path) -> None:
    """What the converter refuses is told as it is of a float32 twin."""
    report = Bench(built("uncompilable"), add_pictures(tmp_path), built("good")).quantize()
    assert report["reason"].startswith("It does not compile: 'tf.Digamma' op is neither")


def wishing(folder: Path, pictures: int = PICTURES) -> Path:
    """A good model that wants an int8 twin and brings pictures."""
    models.build("good", folder)
    (folder / "manifest.json").unlink()
    if pictures:
        add_pictures(folder, pictures)
    return models.complete(
        folder, 3, quantize={"mode": "int8", "min_top_1_agreement": 0.9})


def test_served(tmp_path: Path) -> None:
    """Which twin is served depends on what this machine measures, and the report tells it."""
    twin = tmp_path / "twin.tflite"
    report = validate(wishing(tmp_path / "model"), twin, TIMEOUT_SECONDS, 1)
    assert report["twin"]["accepted"] is True
    figures = report["quantize"]
    assert figures["pictures_from"] == "archive"
    assert figures["accepted"] is (figures["latency_ms"] < figures["float32_latency_ms"])
    assert set(figures) - {"reason"} == FIGURES
    served = "int8" if figures["accepted"] else "float32"
    assert report["twin"]["kind"] == served
    assert twin.stat().st_size == figures[
        "size_bytes" if served == "int8" else "float32_size_bytes"]
    assert not (tmp_path / "int8.tflite").exists()


def test_stored_pictures(
    database: Database, database_settings: Settings, tmp_path: Path
) -> None:
    """A model that brings no pictures is calibrated with users'; its digest names what serves."""
    store = InMemoryObjectStore()
    user = uuid.uuid4()
    query(database_settings, "INSERT INTO users VALUES (%s, 'cat@example.org')", user)
    for number in range(PICTURES):
        store.put(f"{number}.png", picture(number), "image/png")
        query(database_settings, """
            INSERT INTO images (user_id, filename, object_key, content_type, size_bytes,
                                sha256, width, height, source)
            VALUES (%s, 'cat.png', %s, 'image/png', 500, decode(repeat('ab', 32), 'hex'),
                    16, 12, 'http')""", user, f"{number}.png")
    archive = pack(folder_members(wishing(tmp_path / "model", 0)))
    new = new_version("v1", digest=hashlib.sha256(archive).hexdigest())
    store.put(archive_key(new.model_path), archive, "application/zip")
    versions = PostgresVersionRepository(database)
    versions.insert(new)
    worker = ValidationWorker(
        PostgresClaimRepository(database), store, TIMEOUT_SECONDS, 1 << 20, 1,
        StoredPictures(database, store))
    assert worker.run_once() is True
    row = versions.find("v1")
    assert row is not None and row["state"] == "ready"
    figures = row["report"]["quantize"]
    assert (figures["pictures_from"], figures["calibration_pictures"],
            figures["evaluation_pictures"]) == ("store", 20, 20)
    served = store.objects[twin_key(new.model_path)][0]
    assert row["twin_digest"] == hashlib.sha256(served).hexdigest()
    assert len(served) == figures[
        "size_bytes" if row["report"]["twin"]["kind"] == "int8" else "float32_size_bytes"]


def test_killed(tmp_path: Path) -> None:
    """Whatever becomes of an int8 twin, a model that is proven is proven."""
    model = wishing(tmp_path / "model", 0)
    (model / "calibration").mkdir()
    # One picture many times: it takes long to read and counts once.
    large = encode(Image.new("RGB", (6000, 6000)), "PNG")
    for number in range(200):
        (model / "calibration" / f"{number}.png").write_bytes(large)
    twin, verdict = tmp_path / "twin.tflite", tmp_path / "verdict.json"
    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(validate, model, twin, TIMEOUT_SECONDS, 1)
        deadline = time.monotonic() + 60
        while not verdict.exists() and not running.done() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert verdict.exists() and not running.done()
        for child in psutil.Process().children():
            if str(verdict) in child.cmdline():
                child.kill()
        report = running.result(TIMEOUT_SECONDS)
    assert report["twin"]["accepted"] is True and report["twin"]["kind"] == "float32"
    assert twin.stat().st_size == report["twin"]["size_bytes"]
    assert report["quantize"]["accepted"] is False
    assert report["quantize"]["reason"].startswith("It ended with status -9.")

"""GET /api/v1/datasets/export: every format, the split, and what is refused."""
from __future__ import annotations

import csv
import hashlib
import io
import json
import struct
import uuid
import zipfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google_crc32c import value as crc32c
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from model_admin.datasets.formats import COLUMNS
from model_admin.datasets.repository import LabelledPicture
from model_admin.datasets.routes import create_routes
from model_admin.datasets.service import PAGE_ROWS, Datasets
from model_admin.datasets.split import PARTS, Split
from model_admin.datasets.tfrecord import example, record
from tests import tokens
from tests.environments import settings
from tests.fakes.audit import InMemoryTrail
from tests.fakes.datasets import InMemoryLabelledPictures
from tests.fakes.storage import InMemoryObjectStore

ADMIN = uuid.uuid4()
NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


class Function:
    """The route, with everything behind it in memory."""

    def __init__(self) -> None:
        self.labelled, self.store = InMemoryLabelledPictures(), InMemoryObjectStore()
        self.trail = InMemoryTrail()
        app = create_web_app(
            "model-admin", Authenticator(settings()), {}, 10_000, CollectorRegistry())
        app.register_blueprint(create_routes(Datasets(self.labelled, self.store, self.trail)))
        self._client = app.test_client()

    def add(self, data: bytes, label: str = "cup", minutes: int = 0) -> LabelledPicture:
        """Store a picture that was labelled at so many minutes past noon."""
        image_id = uuid.uuid4()
        key = f"2026/01/31/{image_id}.png"
        picture = LabelledPicture(
            hashlib.sha256(data).digest(), image_id, key, "image/png", 3, 2, uuid.uuid4(),
            "espresso", 0.5, "v1", label, NOON + timedelta(minutes=minutes))
        self.store.put(key, data, "image/png")
        self.labelled.pictures.append(picture)
        return picture

    def get(self, roles: tuple[str, ...] = ("admin",), **parameters: Any) -> TestResponse:
        return self._client.get(
            "/api/v1/datasets/export", query_string=parameters,
            headers=tokens.bearer(ADMIN, roles=[*roles]))

    def rows(self, **parameters: Any) -> list[dict[str, Any]]:
        """The dataset as NDJSON."""
        answer = self.get(format="ndjson", **parameters)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def function() -> Function:
    return Function()


def test_rows(function: Function) -> None:
    """Rows say where a picture is, what it shows and in which part it is; CSV says the same."""
    picture = function.add(b"1", "flat, white")
    (row,) = function.rows()
    assert tuple(row) == COLUMNS
    assert row == {
        "image_id": str(picture.image_id), "object_key": picture.object_key,
        "sha256": hashlib.sha256(b"1").hexdigest(), "label": "flat, white",
        "split": Split().part_of(picture.sha256), "prediction_id": str(picture.prediction_id),
        "predicted_class": "espresso", "confidence_score": 0.5, "model_version": "v1",
        "width": 3, "height": 2, "labelled_at": "2026-01-31T12:00:00Z"}
    answer = function.get(format="csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dataset.csv"'
    assert list(csv.DictReader(io.StringIO(answer.text))) == [
        {name: str(value) for name, value in row.items()}]


def test_nothing_labelled(function: Function) -> None:
    """Where nobody has said anything, the dataset is empty in every format."""
    assert function.rows() == []
    assert function.get(format="csv").text.strip() == ",".join(COLUMNS)
    assert zipfile.ZipFile(io.BytesIO(function.get(format="imagefolder").data)).namelist() == []
    assert function.get(format="tfrecord").data == b""


def test_latest_label_counts(function: Function) -> None:
    """Equal pictures are one, with what was said of them last."""
    function.add(b"1", "late", 2)
    function.add(b"1", "early", 1)
    assert [row["label"] for row in function.rows()] == ["late"]
    assert function.rows(label="early") == []


def test_more_than_a_page(function: Function) -> None:
    """Every picture comes once, however many there are."""
    for number in range(PAGE_ROWS + 5):
        function.add(str(number).encode())
    rows = function.rows()
    assert len({row["sha256"] for row in rows}) == len(rows) == PAGE_ROWS + 5


def test_split(function: Function) -> None:
    """Parts have about the shares that were asked for, and together are the whole."""
    for number in range(600):
        function.add(str(number).encode())
    shares = {"validation": "0.2", "test": "0.3"}
    counts = Counter(row["split"] for row in function.rows(**shares))
    assert counts["test"] == pytest.approx(180, abs=45)
    assert counts["validation"] == pytest.approx(120, abs=40)
    parts = {part: function.rows(split=part, **shares) for part in PARTS}
    assert {part: len(rows) for part, rows in parts.items()} == counts
    assert {row["split"] for row in parts["test"]} == {"test"}


@pytest.mark.parametrize("more", [Split(0.1, 0.2), Split(0.3, 0.1), Split(0, 1), Split(0, 0)])
def test_split_is_stable(more: Split) -> None:
    """A larger test part has all of the smaller one; nothing moves that need not."""
    for number in range(300):
        digest = hashlib.sha256(str(number).encode()).digest()
        before, after = Split(0.1, 0.1).part_of(digest), more.part_of(digest)
        assert before == Split(0.1, 0.1).part_of(digest)
        if before == "test" and more.test >= 0.1:
            assert after == "test"
        if before == "train" and more.test + more.validation <= 0.2:
            assert after == "train"


def test_image_folder(function: Function) -> None:
    """A zip with a folder for each part and label, whatever the label; pictures as they were."""
    labels = ["cup", "../../etc", "a/b", "..", "füße"]
    pictures = [function.add(label.encode() * 9, label) for label in labels]
    archive = zipfile.ZipFile(io.BytesIO(function.get(format="imagefolder").data))
    assert archive.testzip() is None
    found = {name.split("/")[2]: name.split("/") for name in archive.namelist()}
    assert len(found) == len(labels)
    for picture, label in zip(pictures, labels):
        part, folder, _ = parts = found[f"{picture.image_id}.png"]
        assert part == Split().part_of(picture.sha256)
        assert folder not in (".", "..", "")
        assert archive.read("/".join(parts)) == label.encode() * 9
    assert found[f"{pictures[0].image_id}.png"][1] == "cup"


def test_tfrecord(function: Function) -> None:
    """Records with their checksums, each with a picture and its label."""
    picture = function.add(b"bytes of a picture", "füße")
    data = function.get(format="tfrecord").data
    (length,) = struct.unpack("<Q", data[:8])
    body = data[12:12 + length]
    assert len(data) == length + 16
    for checked, crc in ((data[:8], data[8:12]), (body, data[12 + length:])):
        masked = (struct.unpack("<I", crc)[0] - 0xA282EAD8) & 0xFFFFFFFF
        assert (masked << 15 | masked >> 17) & 0xFFFFFFFF == crc32c(checked)
    for part in (b"image/encoded", b"bytes of a picture", "füße".encode(), b"image/class/text",
                 str(picture.image_id).encode()):
        assert part in body


def test_examples_as_tensorflow_reads_them(tmp_path: Any) -> None:
    """TensorFlow finds in a record what was put there."""
    tensorflow = pytest.importorskip("tensorflow")
    file = tmp_path / "dataset.tfrecord"
    file.write_bytes(record(example({"text": b"cup", "width": 640})) * 2)
    read = [*tensorflow.data.TFRecordDataset(str(file)).as_numpy_iterator()]
    assert len(read) == 2
    parsed = tensorflow.train.Example.FromString(read[0]).features.feature
    assert parsed["text"].bytes_list.value[:] == [b"cup"]
    assert parsed["width"].int64_list.value[:] == [640]


def test_erased_meanwhile(function: Function) -> None:
    """A picture that is gone is left out of what holds pictures."""
    function.store.delete(function.add(b"1").object_key)
    kept = function.add(b"2")
    archive = zipfile.ZipFile(io.BytesIO(function.get(format="imagefolder").data))
    assert [name.split("/")[2] for name in archive.namelist()] == [f"{kept.image_id}.png"]


def test_audit(function: Function) -> None:
    """Who takes out others' pictures leaves a line that says which."""
    function.rows(label="cup", split="test")
    ((action, subject, detail),) = [line[1:] for line in function.trail.lines]
    assert (action, subject) == ("dataset.export", "ndjson")
    assert detail == {"label": "cup", "part": "test"}


@pytest.mark.parametrize("parameters", [
    {"format": "parquet"}, {"split": "all"}, {"validation": "0.6", "test": "0.5"},
    {"test": "-1"}, {"test": "nan"}, {"label": "x" * 256}, {"source": "ftp"}, {"from": "now"},
    {"user_id": "me"}, {"min_confidence": "2"}, {"model_version": "a\0"},
])
def test_refused_parameters(function: Function, parameters: dict[str, str]) -> None:
    """What cannot be meant is named, before anything is sent."""
    assert function.get(**parameters).status_code == 422
    assert function.trail.lines == []


def test_administrators_only(function: Function) -> None:
    """Others get nothing of it."""
    assert function.get(roles=()).status_code == 403

"""GET /api/v1/datasets/export: labelled pictures in four formats, split without leaks."""
from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from common.errors import InvalidValue
from model_admin.datasets import imagefolder, tfrecord
from model_admin.datasets.imagefolder import folder_name
from model_admin.datasets.routes import COLUMNS, FILES, FileKind
from model_admin.datasets.split import Split
from tests.contracts.datasets import AddLabelled, LabelledPicturesContract
from tests.fakes.datasets import InMemoryLabelledPictures, labelled
from tests.unit.model_admin.datasets.conftest import House

FORMATS = ("csv", "ndjson", "imagefolder", "tfrecord")
DIGESTS = [hashlib.sha256(bytes([number % 256, number // 256])).hexdigest()
           for number in range(4000)]


class TestInMemoryLabelledPictures(LabelledPicturesContract):
    """The list of opinions."""

    @pytest.fixture
    def pictures(self) -> InMemoryLabelledPictures:
        return InMemoryLabelledPictures()

    @pytest.fixture
    def add(self, pictures: InMemoryLabelledPictures) -> AddLabelled:
        return pictures.add


def test_shares() -> None:
    """About as many pictures as asked for are in each part."""
    parts = [Split(0.2, 0.1).part_of(digest) for digest in DIGESTS]
    assert parts.count("test") == pytest.approx(400, abs=60)
    assert parts.count("validation") == pytest.approx(800, abs=80)


def test_stable() -> None:
    """Another share for validation leaves the tests alone, and a larger one takes from training
    only."""
    small, large = Split(0.1, 0.1), Split(0.3, 0.1)
    for digest in DIGESTS:
        before, after = small.part_of(digest), large.part_of(digest)
        assert before == after or (before, after) == ("train", "validation")


@pytest.mark.parametrize("ends", ["0" * 64, "f" * 64])
def test_ends(ends: str) -> None:
    """The first digest of all is tested with, where anything is, and the last is trained with."""
    assert Split(0.4, 0.5).part_of(ends) == ("test" if ends[0] == "0" else "train")
    assert Split(0, 0).part_of(ends) == "train"


def test_nothing_to_train_with() -> None:
    """A split that leaves nothing to train with is refused."""
    with pytest.raises(InvalidValue):
        Split(0.5, 0.5)


def test_csv(house: House) -> None:
    """CSV names each picture's object, digest, label and part."""
    picture = house.add(b"one", "=cup, größer")
    answer = house.get()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dataset.csv"'
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert tuple(line) == COLUMNS
    assert (line["label"], line["object_key"]) == ("'=cup, größer", picture.object_key)
    assert line["split"] == Split(0.1, 0.1).part_of(picture.sha256)


def test_ndjson(house: House) -> None:
    """NDJSON has the same."""
    given = {house.add(bytes([number])).sha256 for number in range(50)}
    lines = [json.loads(line) for line in house.get(format="ndjson").text.splitlines()]
    assert {line["sha256"] for line in lines} == given
    assert tuple(lines[0]) == COLUMNS


def test_imagefolder(house: House) -> None:
    """A zip file has the pictures as they were sent, by part and label."""
    one = house.add(b"one", "cup")
    two = house.add(b"two" * 10_000, "AC/DC", content_type="image/webp")
    answer = house.get(format="imagefolder", validation=0, test=0)
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dataset.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"train/cup/{one.image_id}.jpg": b"one",
            f"train/AC%2FDC/{two.image_id}.webp": b"two" * 10_000}


def test_empty_files(house: House) -> None:
    """Without pictures there is an empty file that can be opened."""
    with zipfile.ZipFile(io.BytesIO(house.get(format="imagefolder").data)) as archive:
        assert archive.namelist() == []
    assert house.get(format="tfrecord").data == b""


def test_tfrecord(house: House, tmp_path: Path) -> None:
    """TensorFlow reads the records as it reads its own, checksums and all."""
    import tensorflow as tf

    given = {}
    for size in (0, 1, 127, 128, 70_000):
        picture = house.add(b"x" * size, f"größer {size}", content_type="image/png")
        given[picture.sha256] = b"x" * size, picture
    path = tmp_path / "dataset.tfrecord"
    path.write_bytes(house.get(format="tfrecord").data)
    names = ("image/encoded", "image/format", "image/class/text", "image/sha256", "split")
    found = {}
    for each in tf.data.TFRecordDataset(str(path)):
        example = tf.io.parse_single_example(
            each, {name: tf.io.FixedLenFeature([], tf.string) for name in names})
        encoded, kind, label, digest, part = (example[name].numpy() for name in names)
        found[digest.decode()] = encoded
        data, picture = given[digest.decode()]
        assert (encoded, kind, label.decode()) == (data, b"png", picture.label)
        assert part.decode() == Split(0.1, 0.1).part_of(picture.sha256)
    assert found.keys() == given.keys()


def test_one_at_a_time() -> None:
    """A picture is given out before the next one is read."""
    for write in (imagefolder.zipped, tfrecord.records):
        read = []

        def examples():  # type: ignore[no-untyped-def]
            from model_admin.datasets.service import Example
            for number in range(5):
                read.append(number)
                yield Example(labelled(bytes([number])), "train", bytes(100_000))

        for count, chunk in enumerate(write(examples()), 1):
            assert len(read) == min(count, 5)
            assert len(chunk) < 101_000


@pytest.mark.parametrize("kind", FORMATS)
def test_split(house: House, kind: str) -> None:
    """One part can be asked for, and the parts together are all."""
    for number in range(40):
        house.add(bytes([number]), f"label{number}x")
    whole = house.get(format=kind, validation=0.3, test=0.3).data
    parts = [house.get(format=kind, validation=0.3, test=0.3, split=each).data
             for each in ("train", "validation", "test")]
    for number in range(40):
        name = f"label{number}x".encode()
        assert name in whole
        assert sum(name in part for part in parts) == 1


@pytest.mark.parametrize("kind", ["imagefolder", "tfrecord"])
def test_missing(house: House, kind: str) -> None:
    """Pictures whose object is gone, or is not what was sent, are passed over."""
    for number in range(3):
        house.add(bytes([number]), f"label{number}x")
    (_, gone), (_, other), _ = house.pictures.opinions
    house.store.delete(gone.object_key)
    house.store.put(other.object_key, b"something else", "image/jpeg")
    found = house.get(format=kind).data
    assert [f"label{number}x".encode() in found for number in range(3)] == [False, False, True]


def test_too_many(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """More pictures than a zip file takes are refused before anything is sent."""
    monkeypatch.setitem(FILES, "imagefolder", FileKind(imagefolder.zipped, "", "", 2))
    for number in range(2):
        house.add(bytes([number]))
    assert house.get(format="imagefolder").status_code == 200
    house.add(b"third")
    answer = house.get(format="imagefolder")
    assert (answer.status_code, "more than 2" in answer.json["detail"]) == (422, True)
    assert len(house.trail.lines) == 1


@pytest.mark.parametrize(("label", "name"), [
    ("a cat, striped", "a cat, striped"), ("größer", "größer"), ("..", "%2E%2E"), (".", "%2E"),
    ("a/b\\c", "a%2Fb%5Cc"), ("%2F", "%252F"), ("C:", "C%3A"), (" x ", "%20x%20")])
def test_folder_names(label: str, name: str) -> None:
    """Labels that cannot be the name of a folder are encoded, and others stay as they are."""
    assert folder_name(label) == name


def test_long_folder_names() -> None:
    """Long labels are cut to what every file system takes, and still told apart."""
    names = {folder_name("ä" * 200 + each) for each in "ab"}
    assert len(names) == 2
    assert all(len(name.encode()) < 210 for name in names)


@pytest.mark.parametrize("kind", FORMATS)
def test_administrators_only(house: House, kind: str) -> None:
    """Users get nothing; administrators leave a line with what they chose."""
    house.add(b"one")
    assert house.get((), format=kind).status_code == 403
    assert house.trail.lines == []
    assert house.get(format=kind, label="cup", split="train").status_code == 200
    ((_, action, subject, detail),) = house.trail.lines
    assert (action, subject, detail) == ("dataset.export", "train", {"label": "cup"})


@pytest.mark.parametrize(("query", "word"), [
    ({"format": "xml"}, "format"), ({"split": "all"}, "split"),
    ({"validation": "x"}, "validation"), ({"validation": "nan"}, "validation"),
    ({"test": 1}, "test"), ({"test": -0.1}, "test"),
    ({"validation": 0.5, "test": 0.5}, "train"), ({"label": "x" * 256}, "label"),
    ({"model_version": "\0"}, "model_version"), ({"since": "x"}, "from"),
    ({"since": "2026-02-01", "to": "2026-01-31"}, "to")])
def test_refused(house: House, query: dict[str, object], word: str) -> None:
    """What cannot be understood is refused by name."""
    answer = house.get(**query)  # type: ignore[arg-type]
    assert (answer.status_code, word in answer.json["detail"]) == (422, True)


@pytest.mark.parametrize("kind", FORMATS)
def test_outages(house: House, kind: str) -> None:
    """Without the database, or the store where that is needed, the answer is to come again."""
    house.add(b"one")
    house.store.down = True
    assert house.get(format=kind).status_code == (
        200 if kind in ("csv", "ndjson") else 503)
    house.pictures.down = True
    assert house.get(format=kind).status_code == 503

"""Pictures for an int8 twin: allowed in the archive, wished for in the manifest, split in two."""
from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.errors import InvalidModel, StoreUnavailable
from common.inference.engine import Pixels
from common.inference.imaging import open_picture, preprocess
from common.inference.manifest import Quantization
from common.model_store import archive_key
from model_admin.registry.archive import MAX_CALIBRATION_PICTURES, read_archive
from model_admin.registry.manifest import check_manifest
from model_admin.validation import calibration
from model_admin.validation.calibration import MIN_PICTURES, Pictures, read_pictures
from model_admin.validation.worker import ValidationWorker
from tests.archives import archive, members, pack
from tests.contracts.registry import new_version
from tests.fakes.registry import InMemoryClaimRepository, InMemoryVersionRepository
from tests.fakes.storage import InMemoryObjectStore
from tests.manifests import document, manifest
from tests.pictures import encode, jpeg

MANIFEST = manifest(
    input={"height": 8, "width": 8},
    preprocessing={"resize": {"mode": "shorter_side", "size": 8, "filter": "bicubic"}})
WISH = {"mode": "int8"}
NO_PROBES = np.zeros((0, 8, 8, 3), np.float32)


def picture(number: int) -> bytes:
    """A small picture unlike any other."""
    noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return encode(Image.fromarray(noise), "PNG")


def as_input(data: bytes) -> Pixels:
    return preprocess(open_picture(data, 1 << 20), MANIFEST)


def digests(pictures: list[Pixels]) -> list[bytes]:
    return [hashlib.sha256(one.tobytes()).digest() for one in pictures]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "calibration").mkdir()
    return tmp_path


def fill(folder: Path, *pictures: bytes) -> None:
    """Write pictures, the last one first in the order of names."""
    for number, data in enumerate(pictures):
        (folder / "calibration" / f"{1000 - number}.png").write_bytes(data)


def read(folder: Path, probes: Pixels = NO_PROBES) -> Pictures:
    return read_pictures(folder, MANIFEST, probes)


def test_split(folder: Path) -> None:
    """Half of the pictures calibrate, the others judge; none does both."""
    fill(folder, *map(picture, range(21)))
    found = read(folder)
    assert (len(found.calibration), len(found.evaluation), found.count) == (10, 11, 21)
    assert {*digests(found.calibration)}.isdisjoint(digests(found.evaluation))
    assert {*digests(found.calibration), *digests(found.evaluation)} == {
        *digests([as_input(picture(number)) for number in range(21)])}


def test_split_ignores_names(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same pictures are split alike, whatever they are called and in whatever order."""
    other = tmp_path_factory.mktemp("other")
    (other / "calibration").mkdir()
    fill(folder, *map(picture, range(20)))
    fill(other, *map(picture, reversed(range(20))))
    first, second = read(folder), read(other)
    assert digests(first.calibration) == digests(second.calibration)
    assert digests(first.evaluation) == digests(second.evaluation)


def test_same_picture_twice(folder: Path) -> None:
    """What looks the same to the model is one picture, even from files that differ."""
    noise = Image.open(io.BytesIO(picture(1)))
    fill(folder, picture(1), picture(1), encode(noise, "PNG", compress_level=0), picture(2))
    assert read(folder).count == 2


def test_probes_are_left_out(folder: Path) -> None:
    """A golden picture judges and so does not calibrate, nor count."""
    fill(folder, *map(picture, range(4)))
    found = read(folder, np.concatenate([NO_PROBES, as_input(picture(2))]))
    assert found.count == 3
    assert not {*digests([as_input(picture(2))])} & {
        *digests(found.calibration), *digests(found.evaluation)}


def test_unreadable(folder: Path) -> None:
    """A file that is no picture is counted and does no other harm."""
    fill(folder, picture(1), b"no picture", jpeg()[:3000])
    found = read(folder)
    assert (found.count, found.unreadable) == (1, 2)


def test_no_folder(tmp_path: Path) -> None:
    """Where no pictures are there are none."""
    assert read(tmp_path) == Pictures([], [], 0)


def test_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of inputs that fill the memory only as many are made as are needed."""
    monkeypatch.setattr(calibration, "MAX_INPUT_BYTES", 1)
    fill(folder, *map(picture, range(MIN_PICTURES + 5)))
    assert read(folder).count == MIN_PICTURES


def test_in_the_archive(tmp_path: Path) -> None:
    """An archive may bring as many pictures as are of use, beside its golden ones."""
    data = {f"calibration/{number}.png": b"x" for number in range(MAX_CALIBRATION_PICTURES)}
    (tmp_path / "m.zip").write_bytes(complete(data))
    assert set(data) < set(read_archive(tmp_path / "m.zip", 1 << 20).manifest["files"])


def test_too_many_in_the_archive(tmp_path: Path) -> None:
    """More than that are refused."""
    data = {f"calibration/{number}.png": b"x" for number in range(MAX_CALIBRATION_PICTURES + 1)}
    (tmp_path / "m.zip").write_bytes(complete(data))
    with pytest.raises(InvalidModel, match="more than 200 calibration pictures"):
        read_archive(tmp_path / "m.zip", 1 << 20)


@pytest.mark.parametrize("name", [
    "calibration/a.gif", "calibration/a/b.png", "calibration/../a.png", "calibration/a.npy"])
def test_odd_members(tmp_path: Path, name: str) -> None:
    """Other files do not belong there."""
    (tmp_path / "m.zip").write_bytes(complete({name: b"x"}))
    with pytest.raises(InvalidModel, match="does not belong into a model archive"):
        read_archive(tmp_path / "m.zip", 1 << 20)


def complete(extra: dict[str, bytes], **changes: Any) -> bytes:
    """A good archive with more members, all of them in the manifest."""
    files = {**members(**changes), **extra}
    text = json.loads(files["manifest.json"])
    text["files"].update({
        name: hashlib.sha256(data).hexdigest() for name, data in extra.items()})
    return pack({**files, "manifest.json": json.dumps(text).encode()})


@pytest.mark.parametrize(("wish", "read"), [
    (WISH, Quantization("int8", 0.98)),
    ({**WISH, "min_top_1_agreement": 1, "$comment": "strict"}, Quantization("int8", 1)),
    ({**WISH, "min_top_1_agreement": 0.5}, Quantization("int8", 0.5))])
def test_wish(wish: dict[str, Any], read: Quantization) -> None:
    """A manifest may ask for an int8 twin, and say how closely it must agree."""
    check_manifest(json.dumps(document(quantize=wish)).encode())
    assert manifest(quantize=wish).quantize == read


def test_no_wish() -> None:
    """Nobody gets an int8 twin unasked."""
    assert manifest().quantize is None


@pytest.mark.parametrize(("wish", "place"), [
    ("int8", r"\$\.quantize"), ({}, r"\$\.quantize"), ({"mode": "int4"}, r"\$\.quantize\.mode"),
    ({**WISH, "min_top_1_agreement": 0}, r"\$\.quantize\.min_top_1_agreement"),
    ({**WISH, "min_top_1_agreement": 98}, r"\$\.quantize\.min_top_1_agreement"),
    ({**WISH, "min_top_1_agreement": "0.9"}, r"\$\.quantize\.min_top_1_agreement"),
    ({**WISH, "pictures": 9}, r"\$\.quantize")], ids=str)
def test_malformed_wish(wish: Any, place: str) -> None:
    """What cannot be granted is refused, and the field is named."""
    with pytest.raises(InvalidModel, match=f"^manifest.json: {place}: "):
        check_manifest(json.dumps(document(quantize=wish)).encode())


class Source:
    """PictureSource that notes where pictures were wanted; `down` makes it unreachable.

    `attempts` is how many the version had after its turn.
    """

    def __init__(self, down: bool = False) -> None:
        self.folders: list[str] = []
        self.attempts = 0
        self.down = down

    def draw(self, folder: Path) -> None:
        if self.down:
            raise StoreUnavailable()
        assert (folder.parent / "manifest.json").is_file()
        self.folders.append(folder.name)


def prove(data: bytes, source: Source) -> None:
    """Take a version up, and let its validation take no time: nothing here depends on it."""
    versions, store = InMemoryVersionRepository(), InMemoryObjectStore()
    new = new_version("v1", digest=hashlib.sha256(data).hexdigest())
    versions.insert(new)
    store.put(archive_key(new.model_path), data, "application/zip")
    worker = ValidationWorker(
        InMemoryClaimRepository(versions), store, 0.01, 1 << 20, 1, source)
    assert worker.run_once() is True
    assert versions.rows["v1"]["state"] == "validating"
    source.attempts = versions.rows["v1"]["attempts"]


@pytest.mark.parametrize(("data", "folders"), [
    (archive(quantize=WISH), ["calibration"]),
    (complete({"calibration/a.png": picture(1)}, quantize=WISH), []),
    (archive(), [])], ids=["wanted", "given", "not-wanted"])
def test_stored_pictures(data: bytes, folders: list[str]) -> None:
    """Users' pictures are drawn for a model that wants some and brings none, and for no other."""
    source = Source()
    prove(data, source)
    assert (source.folders, source.attempts) == (folders, 1)


def test_store_down() -> None:
    """Without the store of the pictures the validation waits, and that is no attempt."""
    source = Source(down=True)
    prove(archive(quantize=WISH), source)
    assert (source.folders, source.attempts) == ([], 0)

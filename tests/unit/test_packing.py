"""Packing a model folder into an archive."""
from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from imgclass.packing import PackingError, find_saved_model, pack, packed
from model_admin.registry.archive import MAX_MEMBERS, read_archive
from tests import archives

MAX_BYTES = 1 << 20
PICTURES = [{"file": "golden/cup.jpg", "label": "espresso"}]


def write_model(folder: Path, bare: bool = False, **changes: Any) -> Path:
    """A model folder as its author has it, or a bare SavedModel with the rest beside it."""
    for name, data in archives.members().items():
        path = folder / (name.removeprefix("saved_model/") if bare else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    manifest = {**archives.manifest({}), **changes}
    del manifest["files"], manifest["version"]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}), encoding="utf-8")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "model.zip"


@pytest.mark.parametrize("bare", [False, True])
def test_packed_folder_is_accepted(tmp_path: Path, target: Path, bare: bool) -> None:
    """The registry takes what is packed of either layout, with digests and version filled in."""
    pack(write_model(tmp_path / "model", bare), target, "v7")
    archive = read_archive(target, MAX_BYTES)
    assert archive.manifest["version"] == "v7"
    assert archive.manifest["files"] == archives.manifest(
        {name: data for name, data in archives.members().items() if name != "manifest.json"}
    )["files"]


def test_both_layouts_are_packed_alike(tmp_path: Path) -> None:
    """The same model is the same archive, whichever way its folder is laid out, and each time."""
    found = []
    for number, bare in enumerate([False, True, False]):
        path = tmp_path / f"{number}.zip"
        pack(write_model(tmp_path / str(number), bare), path, "v1")
        found.append(path.read_bytes())
    assert found[0] == found[1] == found[2]


def test_version_of_the_manifest(model: Path, target: Path) -> None:
    """Without --version the manifest's own version stands, and before any default."""
    edit(model, version="v3")
    pack(model, target, default_version="draft")
    assert read_archive(target, MAX_BYTES).manifest["version"] == "v3"
    pack(model, target, "v4")
    assert read_archive(target, MAX_BYTES).manifest["version"] == "v4"


def test_golden_pictures_of_the_manifest(model: Path, target: Path) -> None:
    """A picture goes in if the manifest names it; what else lies in the folder stays behind."""
    edit(model, golden=PICTURES)
    for name in (
            "golden/cup.jpg", "golden/other.jpg", "notes.md", "saved_model/keras_metadata.pb"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_bytes(b"content")
    result = pack(model, target, "v1")
    assert "golden/cup.jpg" in read_archive(target, MAX_BYTES).manifest["files"]
    assert result.left_out == ("golden/other.jpg", "notes.md", "saved_model/keras_metadata.pb")


def test_calibration_pictures(model: Path, target: Path) -> None:
    """Pictures to calibrate with go in if the manifest wants an int8 twin, and only then."""
    (model / "calibration").mkdir()
    for name in ("1.jpg", "2.png", "a b.jpg", "notes.md"):
        (model / "calibration" / name).write_bytes(name.encode())
    pack(model, target, "v1")
    files = read_archive(target, MAX_BYTES).manifest["files"]
    assert not any("calibration" in name for name in files)
    edit(model, quantize={"mode": "int8"})
    result = pack(model, target, "v1")
    files = read_archive(target, MAX_BYTES).manifest["files"]
    assert [name for name in files if "calibration" in name] == [
        "calibration/1.jpg", "calibration/2.png"]
    assert result.left_out == ("calibration/a b.jpg", "calibration/notes.md")


def test_all_parts_of_a_large_model(model: Path, target: Path) -> None:
    """Variables may be in several files."""
    (model / archives.DATA).rename(model / "saved_model/variables/variables.data-00000-of-00002")
    (model / "saved_model/variables/variables.data-00001-of-00002").write_bytes(b"more")
    pack(model, target, "v1")
    files = read_archive(target, MAX_BYTES).manifest["files"]
    assert [name for name in files if "data" in name] == [
        f"saved_model/variables/variables.data-0000{part}-of-00002" for part in (0, 1)]


def test_members_are_within_the_limits(model: Path, target: Path) -> None:
    """Weights that would compress a thousandfold are stored, which no ratio limit refuses."""
    (model / archives.DATA).write_bytes(bytes(200_000))
    pack(model, target, "v1")
    with zipfile.ZipFile(target) as archive:
        infos = archive.infolist()
    assert len(infos) < MAX_MEMBERS
    assert {(info.compress_type, info.date_time) for info in infos} == {
        (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0))}
    assert read_archive(target, MAX_BYTES).size_bytes > 200_000


def test_graph_is_missing(model: Path) -> None:
    """A folder without a SavedModel is told what it lacks."""
    (model / archives.GRAPH).unlink()
    with pytest.raises(PackingError, match="has no SavedModel: neither saved_model/saved_model"):
        find_saved_model(model)


@pytest.mark.parametrize(("name", "words"), [
    ("manifest.json", "has no manifest.json: `imgclass models init"),
    ("labels.txt", "has no labels.txt: one label a line"),
])
def test_file_is_missing(model: Path, target: Path, name: str, words: str) -> None:
    """The message names the file, and how to come by it."""
    (model / name).unlink()
    with pytest.raises(PackingError, match=words):
        pack(model, target, "v1")


@pytest.mark.parametrize(("text", "words"), [("{", "is not JSON"), ("[]", "is not a JSON object")])
def test_manifest_is_broken(model: Path, target: Path, text: str, words: str) -> None:
    """A manifest that is no JSON object is told by its path."""
    (model / "manifest.json").write_text(text)
    with pytest.raises(PackingError, match=f"manifest.json {words}"):
        pack(model, target, "v1")


@pytest.mark.parametrize("version", [None, 2])
def test_no_version(model: Path, target: Path, version: object) -> None:
    """A folder that names no version needs one on the command line."""
    edit(model, version=version)
    with pytest.raises(PackingError, match="names no version: give one with --version"):
        pack(model, target)


def test_assets(model: Path, target: Path) -> None:
    """A model that reads files of its own is refused; an empty folder for them is not."""
    (model / "saved_model/assets").mkdir()
    pack(model, target, "v1")
    (model / "saved_model/assets/vocabulary.txt").write_text("cat")
    with pytest.raises(PackingError, match="assets is not empty"):
        pack(model, target, "v1")


@pytest.mark.parametrize("name", [
    "golden/../labels.jpg", "calibration/cup.jpg", "/etc/cup.jpg", "golden/cup.gif",
    "golden/a b.jpg", 5, None])
def test_golden_picture_elsewhere(model: Path, target: Path, name: object) -> None:
    """The manifest cannot make the command pack any other file."""
    edit(model, golden=[{"file": name, "label": "cat"}])
    with pytest.raises(PackingError, match="names the golden picture"):
        pack(model, target, "v1")


def test_golden_picture_is_missing(model: Path, target: Path) -> None:
    """A picture that the manifest names must be there."""
    edit(model, golden=PICTURES)
    with pytest.raises(PackingError, match="golden/cup.jpg is missing"):
        pack(model, target, "v1")


@pytest.mark.parametrize("golden", ["cup.jpg", {"file": 1}, ["cup.jpg"]])
def test_golden_of_another_form(model: Path, target: Path, golden: object) -> None:
    """What is no list of objects is left to the check, which names the field."""
    edit(model, golden=golden)
    pack(model, target, "v1")
    assert target.is_file()


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "MODEL.HDF5"])
def test_keras_file(tmp_path: Path, name: str) -> None:
    """A Keras file is not taken; the message says how to export it."""
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(PackingError, match=f"{name} can run code .* models init DIR --keras"):
        with packed(path):
            pass
    with pytest.raises(PackingError, match="can run code"):
        find_saved_model(path)


def test_packed_for_the_time_being(model: Path) -> None:
    """The archive of a folder is gone after its use."""
    with packed(model, "v1") as ready:
        assert read_archive(ready.archive, MAX_BYTES).manifest["version"] == "v1"
    assert not ready.archive.exists()


def test_archive_as_it_is(tmp_path: Path) -> None:
    """A file is taken as it is if its version is the one asked for, or none is."""
    path = tmp_path / "model.zip"
    path.write_bytes(archives.archive())
    for version in (None, "v1"):
        with packed(path, version) as ready:
            assert ready.archive == path
    with pytest.raises(PackingError, match="model.zip is version v1, .* and not v2"):
        with packed(path, "v2"):
            pass


@pytest.mark.parametrize("data", [b"no zip", archives.pack({"labels.txt": b""})])
def test_version_of_something_else(tmp_path: Path, data: bytes) -> None:
    """A file whose version cannot be read is not taken for the version asked for."""
    path = tmp_path / "model.zip"
    path.write_bytes(data)
    with pytest.raises(PackingError, match="model.zip is no archive with a manifest.json in it"):
        with packed(path, "v2"):
            pass

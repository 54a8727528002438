"""Model archives: untrusted zip files, checked member by member."""
from __future__ import annotations

import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.digests import file_sha256, stream_sha256
from common.errors import InvalidModel
from common.inference.manifest import parse_labels
from model_admin.registry.manifest import check_manifest

MANIFEST, LABELS = "manifest.json", "labels.txt"
REQUIRED = (MANIFEST, LABELS, "saved_model/saved_model.pb")
_ALLOWED = re.compile(
    r"manifest\.json|labels\.txt|saved_model/(saved_model|fingerprint)\.pb"
    r"|saved_model/variables/variables\.(index|data-\d{5}-of-\d{5})"
    r"|(golden|calibration)/[A-Za-z0-9._-]{1,100}\.(jpg|jpeg|png|webp)")
_FOLDERS = {"saved_model/", "saved_model/variables/", "saved_model/assets/", "golden/",
            "calibration/"}
_FOREIGN = (".h5", ".hdf5", ".keras", ".pkl", ".pickle", ".pt", ".pth", ".joblib", ".py")

# What zipfile raises for a file that is no zip, or a damaged one.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError)
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

MAX_MEMBERS = 512
MAX_CALIBRATION_PICTURES = 200
MAX_TEXT_BYTES = 16 << 20
# Trained weights hardly compress; labels and graphs stay far below this.
MAX_RATIO = 100


@dataclass(frozen=True)
class ModelArchive:
    """A checked archive: its SHA-256 and size, its manifest, the bytes of labels.txt."""

    path: Path
    digest: str
    size_bytes: int
    manifest: dict[str, Any]
    labels: bytes


def read_archive(path: Path, max_bytes: int) -> ModelArchive:
    """Check an archive without unpacking it.

    Raises InvalidModel with the reason; `max_bytes` limits the unpacked size.
    """
    try:
        with zipfile.ZipFile(path) as opened:
            members = _members(opened, max_bytes)
            manifest = check_manifest(_text(opened, members[MANIFEST]))
            _check_files(opened, members, manifest["files"])
            labels = _text(opened, members[LABELS])
    except _DAMAGE as error:
        raise InvalidModel(f"The archive is not an intact zip file: {error}.") from error
    _check_labels(labels, manifest)
    return ModelArchive(path, file_sha256(path), path.stat().st_size, manifest, labels)


def unpack_archive(archive: ModelArchive, directory: Path) -> None:
    """Write the members of a checked archive below `directory`."""
    with zipfile.ZipFile(archive.path) as opened:
        for name in [MANIFEST, *archive.manifest["files"]]:
            opened.extract(name, directory)


def _members(opened: zipfile.ZipFile, max_bytes: int) -> dict[str, zipfile.ZipInfo]:
    infos = opened.infolist()
    if len(infos) > MAX_MEMBERS:
        raise InvalidModel(f"The archive has more than {MAX_MEMBERS} files.")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if info.filename in _FOLDERS:
            continue
        _check_member(info)
        if info.filename in members:
            raise InvalidModel(f"The archive has {info.filename!r} twice.")
        members[info.filename] = info
    if sum(info.file_size for info in members.values()) > max_bytes:
        raise InvalidModel(f"The archive unpacks to more than {max_bytes} bytes.")
    if sum(name.startswith("calibration/") for name in members) > MAX_CALIBRATION_PICTURES:
        raise InvalidModel(
            f"The archive has more than {MAX_CALIBRATION_PICTURES} calibration pictures.")
    for name in REQUIRED:
        if name not in members:
            raise InvalidModel(f"The archive has no {name}.")
    return members


def _check_member(info: zipfile.ZipInfo) -> None:
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    if name.lower().endswith(_FOREIGN):
        raise InvalidModel(
            f"{name!r} is refused: Keras, HDF5 and pickle files can run code when loaded. "
            "Export a SavedModel instead.")
    if not _ALLOWED.fullmatch(name):
        raise InvalidModel(f"{name!r} does not belong into a model archive.")
    if kind not in (0, stat.S_IFREG):
        raise InvalidModel(f"{name!r} is not a regular file.")
    if info.flag_bits & 1:
        raise InvalidModel(f"{name!r} is encrypted.")
    if info.compress_type not in _COMPRESSIONS:
        raise InvalidModel(f"{name!r} is compressed by another method than deflate.")
    if info.file_size > MAX_RATIO * max(info.compress_size, 1):
        raise InvalidModel(f"{name!r} is compressed more than {MAX_RATIO} times.")


def _text(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > MAX_TEXT_BYTES:
        raise InvalidModel(f"{info.filename} has more than {MAX_TEXT_BYTES} bytes.")
    return opened.read(info)


def _check_files(
    opened: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], digests: dict[str, str]
) -> None:
    listed, present = set(digests), set(members) - {MANIFEST}
    if listed != present:
        odd = sorted(listed ^ present)[0]
        raise InvalidModel(f"manifest.json: $.files and the archive differ about {odd!r}.")
    for name, digest in digests.items():
        with opened.open(members[name]) as file:
            if stream_sha256(file) != digest:
                raise InvalidModel(f"manifest.json: $.files: {name} has another SHA-256.")


def _check_labels(labels: bytes, manifest: dict[str, Any]) -> None:
    count = manifest["labels"]["count"]
    try:
        lines = parse_labels(labels.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidModel("labels.txt is not UTF-8.") from error
    if len(lines) != count:
        raise InvalidModel(
            f"labels.txt has {len(lines)} lines, but $.labels.count says {count}.")
    for number, line in enumerate(lines, 1):
        if not line.strip() or len(line) > 255 or not line.isprintable():
            raise InvalidModel(
                f"labels.txt, line {number}: a label has 1 to 255 printable characters.")
    for number, golden in enumerate(manifest.get("golden", [])):
        if golden["label"] not in lines:
            raise InvalidModel(
                f"manifest.json: $.golden[{number}].label: {golden['label']!r} is no label.")
        if golden["file"] not in manifest["files"]:
            raise InvalidModel(
                f"manifest.json: $.golden[{number}].file: {golden['file']!r} is not in $.files.")

"""Packing a model folder into the archive that is registered: the same bytes for the same model.

A model folder holds manifest.json, labels.txt and a SavedModel: in saved_model/, or the folder is
the SavedModel itself.
"""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST, LABELS, GRAPH = "manifest.json", "labels.txt", "saved_model.pb"
KERAS_SUFFIXES = frozenset({".keras", ".h5", ".hdf5"})

_SAVED_MODEL_FILE = re.compile(
    r"(saved_model|fingerprint)\.pb|variables/variables\.(index|data-\d{5}-of-\d{5})")
_PICTURE = re.compile(r"(golden|calibration)/[A-Za-z0-9._-]{1,100}\.(jpg|jpeg|png|webp)")

# The earliest time a zip file can hold; a real one would differ from pack to pack.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644
_UNIX = 3
_CHUNK = 1 << 20


class PackingError(Exception):
    """The model cannot be packed; the message says what to do."""


@dataclass(frozen=True)
class Packed:
    """An archive, and which files of the folder it was made of stayed behind."""

    archive: Path
    left_out: tuple[str, ...] = ()


def find_saved_model(folder: Path) -> Path:
    """The SavedModel of a model folder. Raises PackingError if it has none."""
    refuse_keras_file(folder)
    for place in (folder / "saved_model", folder):
        if (place / GRAPH).is_file():
            return place
    raise PackingError(
        f"{folder} has no SavedModel: neither saved_model/{GRAPH} nor {GRAPH} is in it")


def refuse_keras_file(path: Path) -> None:
    """Raises PackingError for a Keras file: loading one runs code of its maker's choice."""
    if path.suffix.lower() in KERAS_SUFFIXES and not path.is_dir():
        raise PackingError(
            f"{path.name} can run code when it is loaded and is not taken: export it with "
            f"`imgclass models init DIR --keras {path.name}`, then give DIR")


def pack(
    folder: Path, archive: Path, version: str | None = None, default_version: str | None = None
) -> Packed:
    """Write the archive of a model folder.

    Its manifest gets the digests of the files, and a version: `version`, else its own, else
    `default_version`. Raises PackingError with what is missing, and OSError where a file cannot
    be read or written.
    """
    saved_model = find_saved_model(folder)
    manifest = _read_manifest(folder)
    version = version or manifest.get("version") or default_version
    if not isinstance(version, str):
        raise PackingError(f"{folder / MANIFEST} names no version: give one with --version")
    files = _files(folder, saved_model, manifest)
    digests = {name: _sha256(path) for name, path in files.items()}
    text = json.dumps({**manifest, "version": version, "files": digests}, indent=2)
    _write(archive, text.encode("ascii") + b"\n", files)
    return Packed(archive, _left_out(folder, files))


@contextmanager
def packed(
    source: Path, version: str | None = None, default_version: str | None = None
) -> Iterator[Packed]:
    """The archive of a model: of a folder, packed for the time being, or the file it is in.

    Raises what pack raises, and PackingError if the file is another version than `version`.
    """
    if source.is_dir():
        with tempfile.TemporaryDirectory() as scratch:
            yield pack(source, Path(scratch, "model.zip"), version, default_version)
        return
    refuse_keras_file(source)
    if version is not None and (named := _version_of(source)) != version:
        raise PackingError(
            f"{source.name} is version {named}, as the manifest in it says, and not {version}")
    yield Packed(source)


def _version_of(archive: Path) -> str:
    try:
        with zipfile.ZipFile(archive) as opened:
            return str(json.loads(opened.read(MANIFEST))["version"])
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise PackingError(f"{archive.name} is no archive with a {MANIFEST} in it") from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise PackingError(
            f"{folder} has no {MANIFEST}: `imgclass models init {folder}` writes one") from None
    except (ValueError, RecursionError) as error:
        raise PackingError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise PackingError(f"{path} is not a JSON object")
    return document


def _files(folder: Path, saved_model: Path, manifest: Mapping[str, Any]) -> dict[str, Path]:
    """The files of the archive beside the manifest, by their names in it, sorted."""
    if not (folder / LABELS).is_file():
        raise PackingError(
            f"{folder} has no {LABELS}: one label a line, in the order of the model's classes")
    assets = saved_model / "assets"
    if assets.is_dir() and any(assets.iterdir()):
        raise PackingError(
            f"{assets} is not empty: a model that reads files of its own cannot be served; put "
            "what they hold into constants and export it again")
    files = {LABELS: folder / LABELS}
    for path in _walk(saved_model):
        name = path.relative_to(saved_model).as_posix()
        if _SAVED_MODEL_FILE.fullmatch(name):
            files[f"saved_model/{name}"] = path
    files.update(_golden_files(folder, manifest))
    if manifest.get("quantize"):
        files.update(_calibration_files(folder))
    return dict(sorted(files.items()))


def _golden_files(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Path]:
    """The pictures the manifest names; what is wrong with its form, the check tells."""
    golden = manifest.get("golden")
    names = [each.get("file") for each in golden if isinstance(each, dict)] if isinstance(
        golden, list) else []
    found = {}
    for name in names:
        if not (isinstance(name, str) and name.startswith("golden/") and _PICTURE.fullmatch(name)):
            raise PackingError(
                f"{MANIFEST} names the golden picture {name!r}: it must be golden/NAME with the "
                "ending .jpg, .jpeg, .png or .webp, and no blanks or folders in NAME")
        if not (folder / name).is_file():
            raise PackingError(f"{folder / name} is missing, though {MANIFEST} names it")
        found[name] = folder / name
    return found


def _calibration_files(folder: Path) -> dict[str, Path]:
    """The pictures that an int8 twin is to be calibrated with."""
    found = {f"calibration/{path.name}": path for path in (folder / "calibration").glob("*")}
    return {name: path for name, path in found.items() if _PICTURE.fullmatch(name)}


def _walk(folder: Path) -> list[Path]:
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def _left_out(folder: Path, files: Mapping[str, Path]) -> tuple[str, ...]:
    kept = {folder / MANIFEST, *files.values()}
    return tuple(sorted(
        path.relative_to(folder).as_posix() for path in _walk(folder) if path not in kept))


def _write(archive: Path, manifest: bytes, files: Mapping[str, Path]) -> None:
    """Stored, as members are by default: weights hardly shrink, and zlib varies by version."""
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(_entry(MANIFEST), manifest)
        for name, path in files.items():
            with path.open("rb") as source, opened.open(
                    _entry(name), "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, _CHUNK)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = _UNIX
    entry.external_attr = _REGULAR_FILE << 16
    return entry


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()

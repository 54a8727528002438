"""The zip archive that is registered with model-admin: the same bytes for the same model."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import manifest
from digests import file_sha256, stream_sha256

# The earliest time a zip file can hold; a real one would differ from build to build.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644
_UNIX = 3


def write(folder: Path, path: Path) -> None:
    """Pack a model folder, replacing the file at `path` in one step.

    Files are sorted, stored (weights hardly shrink, and zlib's output varies by version), and
    carry a fixed time and mode. A partial file never appears at `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted([manifest.FILE, *manifest.files(folder)]):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.create_system = _UNIX
                entry.external_attr = _REGULAR_FILE << 16
                archive.writestr(entry, (folder / name).read_bytes())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def is_current(folder: Path, path: Path) -> bool:
    """Say whether the archive at `path` holds exactly the files of a complete model folder."""
    expected = {manifest.FILE: file_sha256(folder / manifest.FILE), **manifest.files(folder)}
    try:
        with zipfile.ZipFile(path) as archive:
            found = {}
            for name in archive.namelist():
                with archive.open(name) as stream:
                    found[name] = stream_sha256(stream)
    except (FileNotFoundError, zipfile.BadZipFile):
        return False
    return found == expected

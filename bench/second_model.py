"""A second version of a model, whose answers cannot be mistaken for the first one's."""
from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

from imgclass.client import Client
from imgclass.embedded.errors import StackError

LABELS = "labels.txt"
# Shows a slightly larger part of the picture, so that the confidences differ.
RESIZE_PIXELS = 248
VALIDATION_SECONDS = 60


def register(admin: Client, archive: Path, version: str, copy: Path) -> str:
    """Write `archive` again as `version` and register that; answers which version is active.

    Raises StackError when it is rejected, and ClientError.
    """
    first = next(model.version for model in admin.models() if model.is_active)
    write(archive, version, copy)
    admin.register_model(copy)
    model = admin.wait_for_model(version, VALIDATION_SECONDS)
    if model.state != "ready":
        raise StackError(f"the second model was rejected: {model.reason}")
    return first


def write(archive: Path, version: str, copy: Path) -> None:
    """Write `archive` again as `version`: same weights, every label marked, another resize."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(copy, "w") as target:
        labels = _marked(source.read(LABELS).decode(), version)
        manifest = _renamed(json.loads(source.read("manifest.json")), version, labels)
        changed = {LABELS: labels, "manifest.json": json.dumps(manifest).encode()}
        for info in source.infolist():
            target.writestr(info.filename, changed.get(info.filename) or source.read(info))


def _marked(labels: str, version: str) -> bytes:
    return "".join(f"{label} ({version})\n" for label in labels.splitlines()).encode()


def _renamed(manifest: dict[str, Any], version: str, labels: bytes) -> dict[str, Any]:
    manifest["version"] = version
    manifest["files"][LABELS] = hashlib.sha256(labels).hexdigest()
    manifest["preprocessing"]["resize"]["size"] = RESIZE_PIXELS
    return manifest

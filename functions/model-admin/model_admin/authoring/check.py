"""Validate an archive as the service does: `python -m model_admin.authoring.check ARCHIVE`."""
from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from common.cpu import available_cpus
from common.errors import InvalidModel
from model_admin.registry.archive import ModelArchive, read_archive, unpack_archive
from model_admin.validation.process import ValidationCrashed, validate

# What the service allows where nothing else is configured.
MAX_BYTES = 1 << 30
TIMEOUT_SECONDS = 600.0


def check(path: Path) -> dict[str, Any]:
    """What the service would make of an archive: its state, ready or rejected, and its report.

    Also its version, digest, size and manifest, as far as the archive can be read.
    """
    verdict: dict[str, Any] = {"state": "rejected", "report": {}}
    try:
        archive = read_archive(path, MAX_BYTES)
        verdict.update(
            version=archive.manifest["version"], digest=archive.digest,
            size_bytes=archive.size_bytes, manifest=archive.manifest)
        verdict.update(report=_validate(archive), state="ready")
    except (InvalidModel, ValidationCrashed) as error:
        verdict["report"] = {"reason": str(error)}
    return verdict


def _validate(archive: ModelArchive) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        unpack_archive(archive, model)
        return validate(model, Path(folder, "twin.tflite"), TIMEOUT_SECONDS, available_cpus())


def main(archive: str) -> int:
    """Print the verdict as JSON; 1 if the archive is rejected."""
    verdict = check(Path(archive))
    print(json.dumps(verdict))
    return int(verdict["state"] != "ready")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

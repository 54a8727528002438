"""The child process that loads an untrusted model: `python -m model_admin.validation.child`."""
from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from common.errors import InvalidModel

MAX_FILE_BYTES = 4 << 30
MAX_OPEN_FILES = 256


def _limit(cpu_seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _validate(model: Path, twin: Path, threads: int) -> dict[str, Any]:
    # Imported under the limits.
    from common.inference.manifest import Manifest
    from model_admin.validation.saved_model import load_model
    from model_admin.validation.twin import compile_twin

    started = time.perf_counter()
    manifest = Manifest.from_json(json.loads((model / "manifest.json").read_text("utf-8")))
    loaded = load_model(model / "saved_model", manifest, threads)
    return {
        "signature": loaded.signature_report,
        "tensorflow": loaded.measure(),
        "twin": compile_twin(loaded, manifest, twin),
        "validation_seconds": round(time.perf_counter() - started, 1),
    }


def main(model: str, twin: str, verdict: str, threads: str, cpu_seconds: str) -> None:
    """Write the report, or the reason of a rejection, as JSON to `verdict`."""
    _limit(int(cpu_seconds) * int(threads))
    try:
        report = _validate(Path(model), Path(twin), int(threads))
    except InvalidModel as error:
        report = {"reason": str(error)}
    Path(verdict).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Running the validation in a child process: a model is code from outside."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from common.errors import ImgclassError, InvalidModel

_LAST_WORDS = 500


class ValidationCrashed(ImgclassError):
    """The validation ended without a verdict."""


def validate(model: Path, twin: Path, timeout_seconds: float, threads: int) -> dict[str, Any]:
    """Validate the unpacked model folder and write its LiteRT twin, if it has one, to `twin`.

    Returns the report. Raises InvalidModel with the reason of a rejection, and
    ValidationCrashed if the child died or took longer than `timeout_seconds`.
    """
    verdict = twin.with_name("verdict.json")
    command = [sys.executable, "-m", "model_admin.validation.child",
               str(model), str(twin), str(verdict), str(threads), str(int(timeout_seconds))]
    # No credentials, and nothing else of ours, in its environment.
    environment = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path)),
        "HOME": str(twin.parent), "TMPDIR": str(twin.parent), "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    try:
        child = subprocess.run(
            command, env=environment, cwd=twin.parent, timeout=timeout_seconds,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired as error:
        raise ValidationCrashed(f"It took longer than {timeout_seconds:g} seconds.") from error
    if child.returncode != 0 or not verdict.is_file():
        words = child.stderr.decode(errors="replace").strip()[-_LAST_WORDS:]
        raise ValidationCrashed(f"It ended with status {child.returncode}. {words}")
    report: dict[str, Any] = json.loads(verdict.read_text(encoding="utf-8"))
    if "reason" in report:
        raise InvalidModel(report["reason"])
    return report

"""Running the validation in a child process: a model is code from outside."""
from __future__ import annotations

import json
import math
import os
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

    Returns the report; its twin's `kind` tells which twin that is. Raises InvalidModel with the
    reason of a rejection, and ValidationCrashed if the child died or took longer than
    `timeout_seconds`. If it did so over an int8 twin, the model is as good as without one.
    """
    verdict, int8 = twin.with_name("verdict.json"), twin.with_name("int8.tflite")
    command = [sys.executable, "-m", "model_admin.validation.child",
               str(model), str(twin), str(int8), str(verdict), str(threads),
               str(math.ceil(timeout_seconds))]
    crash = _run(command, twin.parent, timeout_seconds)
    if not verdict.is_file():
        raise ValidationCrashed(crash or "It ended without a verdict.")
    report: dict[str, Any] = json.loads(verdict.read_text(encoding="utf-8"))
    if "quantize" in report:
        settle(report, crash, twin, int8)
    elif crash is not None:
        raise ValidationCrashed(crash)
    elif "reason" in report:
        raise InvalidModel(report["reason"])
    return report


def settle(report: dict[str, Any], crash: str | None, twin: Path, int8: Path) -> None:
    """Let the int8 twin take the place of the other one, `twin`, if the report accepts it.

    `crash` is what kept the child from a regular end: then nothing it said of `int8` counts.
    """
    if crash is not None:
        report["quantize"] = {"accepted": False, "reason": crash}
    elif report["quantize"]["accepted"]:
        os.replace(int8, twin)
        report["twin"]["kind"] = "int8"


def _run(command: list[str], folder: Path, timeout_seconds: float) -> str | None:
    """Run the child in `folder`; what happened if it came to no regular end."""
    # No credentials, and nothing else of ours, in its environment.
    environment = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path)),
        "HOME": str(folder), "TMPDIR": str(folder), "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    try:
        child = subprocess.run(
            command, env=environment, cwd=folder, timeout=timeout_seconds,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        return f"It took longer than {timeout_seconds:g} seconds."
    if child.returncode == 0:
        return None
    words = child.stderr.decode(errors="replace").strip()[-_LAST_WORDS:]
    return f"It ended with status {child.returncode}. {words}"

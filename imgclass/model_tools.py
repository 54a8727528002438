"""The tools that prepare a model on this machine: programs of the checkout that need TensorFlow.

They run in a process of their own, so that the command line loads no TensorFlow, and without the
caller's environment.
"""
from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Above what a validation may take; whatever hangs must end some time.
TIMEOUT_SECONDS = 900.0
_LAST_WORDS = 300


class ToolError(Exception):
    """A tool cannot run, or did not come to a result; the message says why, in one line."""


@dataclass(frozen=True)
class ModelTools:
    """The tools of the checkout at `root`; `search_path` is PATH."""

    root: Path
    search_path: str = os.defpath

    def check(self, archive: Path) -> dict[str, Any]:
        """Validate an archive as the service does; its verdict has a `state` and a `report`."""
        return self._run("check", str(archive.resolve()))

    def init(self, saved_model: Path, folder: Path, *options: str) -> dict[str, Any]:
        """Draft the manifest of a SavedModel; `reason` in the result says why there is none."""
        return self._run("init", str(saved_model.resolve()), str(folder.resolve()), *options)

    def require(self) -> None:
        """Raises ToolError where there is no checkout or no TensorFlow."""
        if not self._functions.is_dir():
            raise ToolError(
                f"this needs the project's checkout: {self.root} has no functions/model-admin")
        if importlib.util.find_spec("tensorflow") is None:
            raise ToolError(
                f"this needs TensorFlow, which {sys.executable} does not have: run it with the "
                "checkout's own .venv/bin/imgclass")

    @property
    def _functions(self) -> Path:
        return self.root / "functions" / "model-admin"

    def _run(self, tool: str, *arguments: str) -> dict[str, Any]:
        """The JSON a tool prints. Raises ToolError."""
        self.require()
        command = [sys.executable, "-m", f"model_admin.authoring.{tool}", *arguments]
        with tempfile.TemporaryDirectory() as home:
            environment = {
                "PATH": self.search_path,
                "PYTHONPATH": f"{self._functions}{os.pathsep}{self.root}",
                "HOME": home,  # Keras reads and writes its settings there
                "KERAS_BACKEND": "tensorflow",
                "TMPDIR": tempfile.gettempdir(),
                "TF_CPP_MIN_LOG_LEVEL": "2",
            }
            try:
                done = subprocess.run(
                    command, env=environment, cwd=home, stdin=subprocess.DEVNULL,
                    capture_output=True, timeout=TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                raise ToolError(
                    f"the model's {tool} took longer than {TIMEOUT_SECONDS:g} seconds") from None
        return _result(tool, done)


def _result(tool: str, done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    try:
        result = json.loads(lines[-1])
    except (IndexError, ValueError):
        words = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        raise ToolError(
            f"the model's {tool} ended with status {done.returncode}: "
            f"{words[-1][-_LAST_WORDS:]}") from None
    if not isinstance(result, dict):
        raise ToolError(f"the model's {tool} printed no result")
    return result

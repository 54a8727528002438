"""The Docker engine of the machine the tests run on, as its command line shows it."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 120
# A first build downloads and compiles everything.
BUILD_SECONDS = 3600
# What leads to the engine and to registries; settings of the developer's own stay outside.
PASSED_ON = ("PATH", "HOME", "DOCKER_", "BUILDX_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def environment(**more: str) -> dict[str, str]:
    """The environment of a command that talks to the engine."""
    passed = {name: text for name, text in os.environ.items()
              if name.upper().startswith(PASSED_ON)}
    return {**passed, **more}


def docker(
    *arguments: str, timeout: float = TIMEOUT_SECONDS, folder: Path = ROOT,
    environ: Mapping[str, str] | None = None,
) -> str:
    """What `docker` prints. Raises AssertionError, with its last words, if it fails."""
    done = subprocess.run(
        ["docker", *arguments], cwd=folder, env=environ or environment(), timeout=timeout,
        text=True, errors="replace", capture_output=True)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr[-3000:]}"
    return done.stdout


def why_absent() -> str | None:
    """Why there is no engine to test with; None if there is one."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    for command, what in (
            (("version",), "no Docker engine answers"),
            (("compose", "version"), "docker compose is not installed")):
        try:
            docker(*command, timeout=20)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            return f"{what}: {' '.join(str(error).split())[-200:]}"
    return None


def inspected(kind: str, name: str) -> dict[str, Any]:
    """What the engine knows of an image, a container, a volume."""
    found: dict[str, Any] = json.loads(docker(kind, "inspect", name))[0]
    return found

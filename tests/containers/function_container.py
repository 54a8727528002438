"""Functions in containers, as severe as any platform: read-only, no capability, little memory."""
from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.containers.engine import docker, environment, inspected
from tests.function_process import FunctionProcess


class FunctionContainer(FunctionProcess):
    """An image on the machine's own network: it finds what the tests start on loopback.

    `docker run` stays in the foreground: it passes signals on, prints what the container prints
    and ends as the container does. `volumes` are mounted as `docker run -v` has it.
    """

    def __init__(
        self, image: str, environ: Mapping[str, str], memory: str, *volumes: str,
    ) -> None:
        super().__init__("handler:app", Path("/"), {})
        self.name = f"imgclass-test-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        settings = {**environ, "BIND_HOST": self.host, "PORT": str(self.port)}
        self.command = [
            "docker", "run", "--name", self.name, "--network", "host", "--read-only",
            "--tmpfs", "/tmp:mode=1777,size=64m", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges:true",
            "--memory", memory, "--memory-swap", memory, "--pids-limit", "100",
            # By their names: nobody reads the values in a list of processes.
            *(word for name in settings for word in ("--env", name)),
            *(word for volume in volumes for word in ("--volume", volume)), image]
        self.environ = environment(**settings)

    def __enter__(self) -> FunctionContainer:
        try:
            super().__enter__()
        except BaseException:
            docker("rm", "--force", "--volumes", self.name)
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            super().__exit__(*raised)
        finally:
            docker("rm", "--force", "--volumes", self.name)

    def inspected(self) -> dict[str, Any]:
        """What the engine knows of it."""
        return inspected("container", self.name)

    def run(self, *command: str) -> str:
        """What a command prints in the container, run as the function's own user."""
        return docker("exec", self.name, *command)

    def logged(self) -> str:
        """What it has printed so far."""
        return docker("logs", self.name)

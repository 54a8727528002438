"""Images and containers, on the Docker engine of this machine; without one the tests skip."""
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.containers.engine import BUILD_SECONDS, ROOT, docker, environment, why_absent
from tests.containers.stack import ComposeStack

PREFIX = f"imgclass-test-{os.getpid()}-"
PROJECT = f"imgclass-stack-{os.getpid()}"


@pytest.fixture(scope="session")
def engine() -> None:
    """There is an engine."""
    if reason := why_absent():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def images(engine: None) -> Iterator[dict[str, int]]:
    """The functions' images as `make images` builds them: their names and sizes in MB."""
    try:
        done = subprocess.run(
            ["scripts/images", PREFIX], cwd=ROOT, env=environment(), timeout=BUILD_SECONDS,
            text=True, capture_output=True)
        assert done.returncode == 0, done.stderr[-3000:]
        lines = [line.split() for line in done.stdout.splitlines()]
        yield {name.removeprefix(PREFIX): int(size) for name, size, _unit in lines}
    finally:
        for name in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
            if name.startswith(PREFIX):
                docker("rmi", "--no-prune", name)


@pytest.fixture(scope="session")
def stack(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """`docker compose up -d --wait` in a clean clone; in the end nothing of it is left."""
    stack = ComposeStack(tmp_path_factory.mktemp("clone") / "imgclass", PROJECT)
    try:
        stack.clone()
        stack.build()
        stack.up()
        yield stack
    finally:
        stack.remove()

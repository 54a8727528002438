"""The validation as it runs: in a child process that is watched from outside."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from common.errors import InvalidModel
from model_admin.validation.process import ValidationCrashed, validate
from tests.environments import COMPLETE
from tests.integration.model_admin.conftest import Build

TIMEOUT_SECONDS = 120.0
MODULE = "model_admin.validation.child"


def children() -> list[psutil.Process]:
    """The validating processes started by this one."""
    return [child for child in psutil.Process().children()
            if MODULE in child.cmdline()]


def wait_for_child(running: Future[Any]) -> psutil.Process:
    """The validating process, once it has become one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not running.done():
        if found := children():
            return found[0]
        time.sleep(0.005)
    raise AssertionError("no child was seen")


@dataclass
class Seen:
    """A validation and what its process looked like."""

    report: dict[str, Any]
    twin: Path
    environment: dict[str, str]
    limits: dict[int, tuple[int, int]]


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], Seen]]:
    """Validate a folder in a process whose parent knows every secret there is."""
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as executor:
        for name, value in {**COMPLETE, "AWS_SECRET_ACCESS_KEY": "secret"}.items():
            patch.setenv(name, value)

        def watch(folder: Path) -> Seen:
            twin = tmp_path_factory.mktemp("work") / "twin.tflite"
            running = executor.submit(validate, folder, twin, TIMEOUT_SECONDS, 1)
            child = wait_for_child(running)
            environment = child.environ()
            limits: dict[int, tuple[int, int]] = {}
            while not running.done():
                try:  # they are set a moment after the start
                    limits = {kind: child.rlimit(kind) for kind in (
                        psutil.RLIMIT_CPU, psutil.RLIMIT_NOFILE, psutil.RLIMIT_CORE)}
                except psutil.NoSuchProcess:
                    break
                if limits[psutil.RLIMIT_CORE] == (0, 0):
                    break
                time.sleep(0.005)
            return Seen(running.result(TIMEOUT_SECONDS), twin, environment, limits)

        yield watch


@pytest.fixture(scope="module")
def good(built: Build, watch: Callable[[Path], Seen]) -> Seen:
    """The validation of a good model."""
    return watch(built("good"))


def test_report(good: Seen) -> None:
    """A good model gets a report of all that was proven, and its twin."""
    assert list(good.report) == [
        "ops", "signature", "tensorflow", "twin", "golden", "validation_seconds",
        "network_isolated"]
    assert "MatMul" in good.report["ops"]
    assert good.report["signature"]["input"]["shape"] == [None, 8, 8, 3]
    assert good.report["tensorflow"]["latency_ms"] > 0
    assert good.report["twin"]["accepted"] is True
    assert good.report["twin"]["size_bytes"] == good.twin.stat().st_size
    assert good.report["twin"]["max_abs_difference"] <= 1e-6
    assert good.report["golden"] == {"passed": True, "pictures": []}
    assert isinstance(good.report["network_isolated"], bool)


def test_no_credentials(good: Seen) -> None:
    """The process that loads a stranger's model finds nothing of ours in its environment."""
    assert set(good.environment) <= {
        "PATH", "PYTHONPATH", "HOME", "TMPDIR", "TF_CPP_MIN_LOG_LEVEL", "LC_CTYPE"}
    assert not [value for value in good.environment.values() if "secret" in value]


def test_limits(good: Seen) -> None:
    """It runs under limits; the CPU may be used for as long as the deadline allows."""
    seconds = int(TIMEOUT_SECONDS)
    assert good.limits[psutil.RLIMIT_CPU] == (seconds, seconds)
    assert good.limits[psutil.RLIMIT_NOFILE] == (256, 256)
    assert good.limits[psutil.RLIMIT_CORE] == (0, 0)


def test_rejected(built: Build, tmp_path: Path) -> None:
    """A model that reads files is rejected before it is loaded, with the reason found in there."""
    with pytest.raises(InvalidModel, match=r"^The operation ReadFile in .* is not allowed\.$"):
        validate(built("ReadFile"), tmp_path / "twin.tflite", TIMEOUT_SECONDS, 1)
    assert not (tmp_path / "twin.tflite").exists()


def test_deadline(built: Build, tmp_path: Path) -> None:
    """A validation that takes too long is ended."""
    started = time.monotonic()
    with pytest.raises(ValidationCrashed, match=r"^It took longer than 0\.5 seconds\.$"):
        validate(built("good"), tmp_path / "twin.tflite", 0.5, 1)
    assert time.monotonic() - started < 10
    assert children() == []


def test_killed(built: Build, tmp_path: Path) -> None:
    """A process that dies without a verdict, as the kernel kills one, is told apart from both."""
    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(
            validate, built("good"), tmp_path / "twin.tflite", TIMEOUT_SECONDS, 1)
        wait_for_child(running).kill()
        with pytest.raises(ValidationCrashed, match="^It ended with status -9"):
            running.result(TIMEOUT_SECONDS)


def test_last_words(tmp_path: Path) -> None:
    """An error nobody foresaw ends the process; its last words are kept, not all of them."""
    (tmp_path / "model").mkdir()
    with pytest.raises(ValidationCrashed) as caught:
        validate(tmp_path / "model", tmp_path / "twin.tflite", TIMEOUT_SECONDS, 1)
    assert str(caught.value).startswith("It ended with status 1. ")
    assert "FileNotFoundError" in str(caught.value)
    assert len(str(caught.value)) < 600

"""The client's example and the command line, against the whole stack."""
from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgclass.client import Prediction, ProblemError
from imgclass.embedded.stack import Stack
from tests.e2e.access import client_of

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "examples" / "pictures"

Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def program(stack: Stack) -> Program:
    """Runs Python with these arguments, as one does who has just made the stack."""
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
            timeout=120, env={
                "IMGCLASS_VAR": str(stack.var), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)})

    return run


@pytest.fixture
def imgclass(program: Program) -> Program:
    """Runs the command."""
    return lambda *arguments: program(
        "-c", "from imgclass.cli.main import app; app()", *arguments)


def test_example_runs(program: Program) -> None:
    """The annotated example says what it found at each step."""
    done = program("examples/client.py")
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said[0].startswith("coffee.jpg: espresso, 0.9")
    assert [line.split(":")[0] for line in said if not line.startswith("  ")] == [
        "coffee.jpg", "refused", "lineage", "picture",
        *["history"] * sum(line.startswith("history") for line in said), "stats", "feedback"]
    assert any(line.endswith("as sent: True") for line in said)


def test_example_without_a_service(program: Program, tmp_path: Path) -> None:
    """Where nothing is up the example says so in one line."""
    done = subprocess.run(
        [sys.executable, "examples/client.py"], cwd=ROOT, capture_output=True, text=True,
        timeout=120, env={"IMGCLASS_VAR": str(tmp_path), "PYTHONPATH": str(ROOT)})
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "make up" in done.stderr


def test_doctor_finds_nothing(imgclass: Program) -> None:
    """Of a stack that is up everything is as it should be."""
    done = imgclass("doctor", "--json")
    states = {each["check"]: each["state"] for each in json.loads(done.stdout)}
    assert done.returncode == 0, done.stdout
    assert {states[name] for name in (
        "address", "stack", "ports", "functions", "credentials", "health", "clock", "token",
        "access", "model")} == {"ok"}


def test_watch_and_show(imgclass: Program, tmp_path: Path) -> None:
    """A folder's pictures are classified once, what is half written later, and can be shown."""
    coffee = (PICTURES / "coffee.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(coffee[:len(coffee) // 2])
    shutil.copy(PICTURES / "coffee.jpg", tmp_path)
    first = imgclass("watch", tmp_path, "--once", "--settle", "0", "--json")
    good, bad = map(json.loads, first.stdout.splitlines())
    assert (good["predicted_class"], first.returncode) == ("espresso", 1)
    assert (bad["file"], "error" in bad) == (f"{tmp_path}/half.jpg", True)
    (tmp_path / "half.jpg").write_bytes(coffee)
    second = imgclass("watch", tmp_path, "--once", "--settle", "0", "--json")
    assert (second.returncode, second.stdout.count("\n")) == (0, 1)
    shown = json.loads(imgclass("show", good["prediction_id"], "--json").stdout)
    assert (shown["predicted_class"], shown["engine"]) == ("espresso", "litert")


def test_feedback(imgclass: Program) -> None:
    """A prediction is corrected, shown so, and asked about again once that is taken back."""
    said = json.loads(imgclass("classify", PICTURES / "coffee.jpg", "--json").stdout)
    prediction_id = said[0]["prediction_id"]
    refused = imgclass("feedback", prediction_id, "no class of any model")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert imgclass(
        "feedback", prediction_id, "coffee mug", "--comment", "in front").returncode == 0
    shown = json.loads(imgclass("show", prediction_id, "--json").stdout)["feedback"]
    assert (shown["label"], shown["comment"]) == ("coffee mug", "in front")
    assert prediction_id not in imgclass("uncertain", "--limit", 1000).stdout
    assert imgclass("feedback", prediction_id, "--remove").returncode == 0
    assert prediction_id in imgclass("uncertain", "--limit", 1000).stdout


def test_batch_and_stored_picture(stack: Stack) -> None:
    """A batch answers each picture, and one that is stored is classified again by its id."""
    with client_of(stack, "batch@example.com") as client:
        good, bad = client.predict_batch([PICTURES / "coffee.jpg", b"no picture"], top_k=1)
        assert isinstance(good, Prediction) and isinstance(bad, ProblemError)
        assert (good.predicted_class, good.model_version, bad.status) == ("espresso", "v1", 415)
        again = client.predict_stored(good.image_id, top_k=2)
        assert (again.image_id, again.predicted_class) == (good.image_id, "espresso")
        assert (again.prediction_id != good.prediction_id, len(again.top_k)) == (True, 2)
        assert client.stats().by_class == {"espresso": 2}


def test_status_as_json(imgclass: Program, stack: Stack) -> None:
    """Each process has its address, and stdout nothing else."""
    found = json.loads(imgclass("status", "--json").stdout)
    assert found["gateway"]["address"] in stack.gateway.url
    assert all(found.values())

"""scripts/publish: what is deployed is what was pushed, by its digest."""
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from imgclass import __version__
from tests.deployment_files import ROOT, objections, read

REGISTRY = "registry.example.org/team"
# An image that was pushed elsewhere before; the digest tells what was pushed to which name.
DOCKER = """#!/bin/sh
echo "$*" >> "$LOG"
case $1 in
    image)
        name=${5%:*}
        echo "other.example.org/$name@sha256:$(printf 0 | sha256sum | cut -c1-64)"
        digest=$(printf %s "$name" | sha256sum | cut -c1-64)
        [ -n "${NO_DIGEST:-}" ] || echo "$name@sha256:$digest" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of the repository as the script sees, and a docker that only talks."""
    for name in ("scripts/publish", "imgclass/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    return tmp_path


def publish(checkout: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/publish", *arguments], cwd=checkout, text=True, capture_output=True, timeout=60,
        env={"PATH": f"{checkout}/bin:{os.defpath}", "LOG": str(checkout / "log"), **variables})


def test_overlays(checkout: Path) -> None:
    """Each image gets the digest that this registry knows it by, under the name its base uses."""
    done = publish(checkout, REGISTRY)
    assert (done.returncode, done.stderr) == (0, "")
    pushed = dict(line.split("@") for line in done.stdout.splitlines())
    names = ["predict", "history", "model-admin", "console", "jobs"]
    assert list(pushed) == [f"{REGISTRY}/imgclass-{name}" for name in names]
    assert len(set(pushed.values())) == 5
    for platform in ("kubernetes", "knative"):
        (overlay,) = read(checkout / "build" / platform / "kustomization.yaml")
        assert objections(overlay) == []
        assert overlay["resources"] == [f"../../deploy/{platform}"]
        (base,) = read(ROOT / "deploy" / platform / "kustomization.yaml")
        called = [each.get("newName", each["name"]) for each in base["images"]]
        assert [each["name"] for each in overlay["images"]] == called
        assert {each["newName"]: each["digest"] for each in overlay["images"]} == pushed


def test_what_is_pushed(checkout: Path) -> None:
    """The release's tag is pushed; the image of the jobs is built first."""
    publish(checkout, REGISTRY)
    calls = (checkout / "log").read_text().splitlines()
    assert calls[0].startswith("build --quiet --file deploy/jobs/Dockerfile")
    assert [call.split()[-1] for call in calls if call.startswith("push")] == [
        f"{REGISTRY}/imgclass-{name}:{__version__}"
        for name in ("predict", "history", "model-admin", "console", "jobs")]


def test_without_a_digest(checkout: Path) -> None:
    """Nothing is written that would deploy something else than what was pushed."""
    done = publish(checkout, REGISTRY, NO_DIGEST="1")
    assert done.returncode == 1
    assert done.stderr == f"publish: {REGISTRY}/imgclass-predict has no digest\n"
    assert not (checkout / "build").exists()


def test_without_a_registry(checkout: Path) -> None:
    """It does not guess where to."""
    done = publish(checkout)
    assert done.returncode != 0
    assert "usage: scripts/publish REGISTRY" in done.stderr
    assert not (checkout / "log").exists()

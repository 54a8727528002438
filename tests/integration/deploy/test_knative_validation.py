"""deploy/knative before Knative's own admission code, compiled from its Go module."""
from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deployment_files import DEPLOY, read

PROGRAM = Path(__file__).with_name("knative_validation")
# The first time 300 modules are fetched and compiled.
BUILD_SECONDS = 600
SERVICES = {name: read(DEPLOY / "knative" / f"{name}.yaml")[0]
            for name in ("predict", "history", "model-admin")}

Objections = Callable[[Any], list[str]]


@pytest.fixture(scope="module")
def objections(tmp_path_factory: pytest.TempPathFactory) -> Objections:
    """What Knative has to say of a Service; warnings count."""
    if shutil.which("go") is None:
        pytest.skip("there is no Go to compile Knative's validation with")
    environment = {**os.environ, "GOFLAGS": "-mod=readonly"}
    fetched = subprocess.run(
        ["go", "mod", "download"], cwd=PROGRAM, env=environment, timeout=BUILD_SECONDS, text=True,
        capture_output=True)
    if fetched.returncode != 0:
        pytest.skip(f"Knative's modules cannot be fetched: {fetched.stderr[-300:]}")
    program = tmp_path_factory.mktemp("knative") / "validate"
    built = subprocess.run(
        ["nice", "go", "build", "-o", program, "."], cwd=PROGRAM, env=environment,
        timeout=BUILD_SECONDS, text=True, capture_output=True)
    assert built.returncode == 0, built.stderr

    def validate(service: Any) -> list[str]:
        done = subprocess.run([program], input=json.dumps(service), text=True,
                              capture_output=True, timeout=60)
        assert (done.returncode == 0) == (not done.stdout), done
        return done.stdout.splitlines()
    return validate


@pytest.mark.parametrize("name", SERVICES)
def test_service(objections: Objections, name: str) -> None:
    """Knative takes it as it is, and warns of nothing."""
    assert objections(SERVICES[name]) == []


def misspell(service: Any) -> None:
    template = service["spec"]["template"]["spec"]
    template["containerConcurency"] = template.pop("containerConcurrency")


def misplace(service: Any) -> None:
    """Where faas-cli puts it."""
    service["metadata"]["annotations"] = {"autoscaling.knative.dev/min-scale": "1"}


def mistype(service: Any) -> None:
    service["spec"]["template"]["metadata"]["annotations"][
        "autoscaling.knative.dev/max-scale"] = "many"


def take_long(service: Any) -> None:
    service["spec"]["template"]["spec"]["timeoutSeconds"] = 3600


def keep_rights(service: Any) -> None:
    (container,) = service["spec"]["template"]["spec"]["containers"]
    del container["securityContext"]["capabilities"]


@pytest.mark.parametrize(("change", "words"), [
    (misspell, "containerConcurency"), (misplace, "autoscaling.knative.dev/min-scale"),
    (mistype, "autoscaling.knative.dev/max-scale"), (take_long, "3600"),
    (keep_rights, "insecure"),
])
def test_objection(objections: Objections, change: Callable[[Any], None], words: str) -> None:
    """What the API server would store, and Knative refuse or warn of, is found."""
    service = copy.deepcopy(SERVICES["predict"])
    change(service)
    assert any(words in line for line in objections(service))

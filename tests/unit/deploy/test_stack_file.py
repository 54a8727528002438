"""stack.yml as Community Edition takes it, and how the file for Pro differs."""
from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from imgclass import __version__
from tests.deployment_files import DEPLOY, ROOT, read, read_stack

STACK, PRO = ROOT / "stack.yml", DEPLOY / "openfaas" / "stack.pro.yml"
MOST_REPLICAS = 5
# What Community Edition answers 400 to, whatever its value is.
REFUSED = {"com.openfaas.scale.zero-duration", "com.openfaas.scale.target",
           "com.openfaas.scale.type"}
SCALING = {f"com.openfaas.scale.{name}" for name in (
    "min", "max", "target", "type", "target-proportion", "zero", "zero-duration")}
ANNOTATIONS = {
    "com.openfaas.health.http.path", "com.openfaas.ready.http.path", "prometheus.io.scrape",
    "prometheus.io.path", "prometheus.io.port", "topic", "schedule"}


# After which faasd kills a function that it has told to end, and so does Kubernetes for Community
# Edition.
KILL_SECONDS = 30


def functions(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_stack(path)["functions"]
    return found


def test_functions() -> None:
    """The functions are those of functions/, whose folders are named as they are."""
    assert set(functions(STACK)) == {path.parent.name for path in ROOT.glob(
        "functions/*/handler.py")}
    for name, function in functions(STACK).items():
        assert function["handler"] == f"./functions/{name}"
        assert function["image"] == f"localhost:5000/imgclass-{name}:{__version__}"


def test_community_edition_takes_it() -> None:
    """No label is one that Community Edition refuses, and no number too large for it."""
    for function in functions(STACK).values():
        labels = function["labels"]
        assert not REFUSED & set(labels)
        assert labels.get("com.openfaas.scale.zero") != "true"
        assert int(labels["com.openfaas.scale.min"]) <= MOST_REPLICAS
        assert int(labels["com.openfaas.scale.max"]) <= MOST_REPLICAS


@pytest.mark.parametrize("path", [STACK, PRO])
def test_labels_and_annotations(path: Path) -> None:
    """None is misspelt: OpenFaaS ignores what it does not know."""
    for function in functions(path).values():
        assert set(function["labels"]) <= SCALING
        assert set(function["annotations"]) <= ANNOTATIONS
        assert function["annotations"]["prometheus.io.port"] == "8080"


def test_pro_differs_in_scaling_alone() -> None:
    """All that the two files do not share is how functions scale, and who sweeps when."""
    community, pro = functions(STACK), functions(PRO)
    assert pro["predict"]["labels"]["com.openfaas.scale.zero"] == "true"
    assert pro["predict"]["labels"]["com.openfaas.scale.type"] == "capacity"
    for each in (community, pro):
        for function in each.values():
            del function["labels"]
        del each["predict"]["environment"]["SWEEP_SECONDS"]
        del each["predict"]["annotations"]["schedule"]
    assert community == pro


def test_pro_capacity() -> None:
    """A replica gets no more requests at once than it has threads for, with some for probes."""
    for function in functions(PRO).values():
        target = int(function["labels"].get("com.openfaas.scale.target", 0))
        assert target <= int(function["environment"].get("WEB_THREADS", 2)) - 2


def test_ends_before_it_is_killed() -> None:
    """A function that is told to end does so with time to spare, even if a request never ends."""
    text = (ROOT / "common" / "gunicorn_conf.py").read_text(encoding="utf-8")
    found = re.search(r"^graceful_timeout = (\d+)$", text, re.MULTILINE)
    assert found and int(found[1]) <= KILL_SECONDS - 5


@pytest.mark.parametrize("path", [STACK, PRO])
def test_build(path: Path) -> None:
    """Each function is built with common/ and console/, from requirements that it has."""
    stack = read_stack(path)
    assert stack["configuration"]["copy"] == ["./common", "./console"]
    for name, function in stack["functions"].items():
        folder = ROOT / "functions" / name
        requirements = function["build_args"].get("REQUIREMENTS", "requirements.txt")
        assert (folder / requirements).is_file()
        assert (ROOT / "template" / function["lang"] / "Dockerfile").is_file()
        arguments = (ROOT / "template" / function["lang"] / "Dockerfile").read_text()
        assert all(f"ARG {argument}=" in arguments for argument in function["build_args"])


@pytest.mark.parametrize("name", ["predict", "history", "model-admin", "console"])
def test_same_needs_everywhere(name: str) -> None:
    """A function asks for the same memory and processors on OpenFaaS, Knative and Kubernetes."""
    def resources(path: Path) -> Any:
        document = copy.deepcopy(read(path)[0])
        found = document["spec"]["template"]["spec"]["containers"][0]["resources"]
        for kind in found.values():
            del kind["ephemeral-storage"]
        return found

    kubernetes = resources(DEPLOY / "kubernetes" / f"{name}.yaml")
    assert resources(DEPLOY / "knative" / f"{name}.yaml") == kubernetes
    function = functions(STACK)[name]
    assert function["limits"]["memory"] == kubernetes["limits"]["memory"]
    assert function["requests"]["memory"] == kubernetes["requests"]["memory"]
    assert function["limits"]["cpu"] == f"{kubernetes['limits']['cpu']}000m"

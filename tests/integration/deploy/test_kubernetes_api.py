"""The manifests before a real Kubernetes API server, which knows every field and every rule.

IMGCLASS_KUBECTL is a kubectl with the arguments that lead it to a cluster for tests, such as
`kubectl --context kind-test`: in its namespaces imgclass, openfaas and kourier-system objects are
made, and Knative Serving's resource types must be there.
"""
from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.deployment_files import DEPLOY, parse, pods

COMMAND = shlex.split(os.environ.get("IMGCLASS_KUBECTL", ""))
GATEWAY_API = "sigs.k8s.io/gateway-api@v1.2.1"
PATIENCE_SECONDS = 120
STRICTLY = ("apply", "--server-side", "--validate=strict")

pytestmark = pytest.mark.skipif(
    not COMMAND, reason="IMGCLASS_KUBECTL names no Kubernetes API server for tests")


def kubectl(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], input=given, text=True, capture_output=True,
                          timeout=PATIENCE_SECONDS)


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """What it printed, if it had nothing to complain of."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def versions(*source: str) -> dict[str, str]:
    """Which change each object is at."""
    found = json.loads(succeeded(kubectl("get", "-o", "json", *source)))
    return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"]
            for each in found.get("items", [found])}


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """deploy/ as somebody has it who tries it out: with secrets of their own."""
    succeeded(kubectl("delete", "job", "-n", "imgclass", "--ignore-not-found", "setup", "seed"))
    folder = tmp_path_factory.mktemp("checkout") / "deploy"
    shutil.copytree(
        DEPLOY, folder, ignore=shutil.ignore_patterns("functions.env", "administration.env"))
    subprocess.run([folder / "kubernetes" / "trial" / "secrets"], check=True)
    return folder


@pytest.fixture(scope="module")
def gateway_api() -> None:
    """The resource types of the Gateway API, and the namespaces its routes lead into."""
    if kubectl("get", "crd", "httproutes.gateway.networking.k8s.io").returncode != 0:
        if shutil.which("go") is None:
            pytest.skip("the cluster lacks the Gateway API, and there is no Go to fetch it with")
        done = subprocess.run(["go", "mod", "download", "-json", GATEWAY_API], cwd="/", text=True,
                              capture_output=True, timeout=PATIENCE_SECONDS)
        if done.returncode != 0:
            pytest.skip(f"the Gateway API cannot be fetched: {done.stderr}")
        folder = Path(json.loads(done.stdout)["Dir"], "config", "crd", "standard")
        succeeded(kubectl("apply", "--server-side", "-f", str(folder)))
        succeeded(kubectl("wait", "--for=condition=established", "--timeout=60s", "crd", "--all"))
    for namespace in ("imgclass", "openfaas", "kourier-system"):
        if kubectl("get", "namespace", namespace).returncode != 0:
            succeeded(kubectl("create", "namespace", namespace))


def assert_taken(*source: str, kinds: Iterable[str]) -> None:
    """Applied, everything is there; applied again, nothing changes."""
    succeeded(kubectl(*STRICTLY, *source))
    before = versions(*source)
    assert {name.partition("/")[0] for name in before} >= set(kinds)
    succeeded(kubectl(*STRICTLY, *source))
    assert versions(*source) == before


@pytest.mark.parametrize(("folder", "kinds"), [
    ("kubernetes/trial", {"Namespace", "Secret", "StatefulSet", "Service"}),
    ("kubernetes", {
        "ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget",
        "NetworkPolicy", "Ingress", "Job", "CronJob"}),
    ("knative", {"ConfigMap", "Service", "Job", "CronJob"}),
])
def test_apply(deploy: Path, folder: str, kinds: set[str]) -> None:
    """`kubectl apply -k` of each way to deploy is taken as it is, and again without a change."""
    assert_taken("-k", str(deploy / folder), kinds=kinds)


# As deploy/kubernetes/README.md and scripts/publish have it.
OVERLAY = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: imgclass
resources: [../kubernetes]
components: [../kubernetes/gateway-api]
configMapGenerator:
  - {name: imgclass, behavior: merge, literals: [POSTGRES_HOST=db.example.org]}
images:
  - name: imgclass-predict
    newName: registry.example.org/imgclass-predict
    digest: sha256:0000000000000000000000000000000000000000000000000000000000000000
"""


def test_apply_overlay(deploy: Path, gateway_api: None) -> None:
    """An overlay changes a setting, pins an image, and opens the API with an HTTPRoute."""
    overlay = deploy / "overlay"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(OVERLAY)
    # Jobs cannot be changed, and here nobody removes those that have ended.
    succeeded(kubectl("delete", "job", "-n", "imgclass", "--ignore-not-found", "setup", "seed"))
    assert_taken("-k", str(overlay), kinds={"HTTPRoute", "Deployment"})
    rendered = parse(succeeded(kubectl("kustomize", str(overlay))))
    kinds = [each["kind"] for each in rendered]
    assert "HTTPRoute" in kinds and "Ingress" not in kinds
    (settings,) = [each for each in rendered if each["kind"] == "ConfigMap"]
    assert settings["data"]["POSTGRES_HOST"] == "db.example.org"
    assert settings["data"]["POSTGRES_USER"] == "imgclass"
    images = {container["image"] for document in rendered for _, spec in pods(document)
              for container in spec["containers"]}
    assert f"registry.example.org/imgclass-predict@sha256:{'0' * 64}" in images


def test_apply_edge_of_knative(deploy: Path, gateway_api: None) -> None:
    """The sample of an edge before Knative is taken."""
    assert_taken("-k", str(deploy / "knative" / "edge"), kinds={"HTTPRoute", "ReferenceGrant"})


def test_apply_edge_of_openfaas(deploy: Path, gateway_api: None) -> None:
    """The sample of an edge before OpenFaaS is taken."""
    assert_taken("-f", str(deploy / "openfaas" / "route.yaml"), kinds={"HTTPRoute"})


@pytest.mark.parametrize("folder", ["kubernetes", "knative"])
def test_settings_are_found(deploy: Path, folder: str) -> None:
    """Every pod names the ConfigMap as it is called with its digest, Knative's as well.

    The console, which has no settings, names none.
    """
    rendered = parse(succeeded(kubectl("kustomize", str(deploy / folder))))
    (settings,) = [each["metadata"]["name"] for each in rendered if each["kind"] == "ConfigMap"]
    assert settings.startswith("imgclass-")
    named = [source["configMapRef"]["name"] for document in rendered for _, spec in pods(document)
             for container in [*spec.get("initContainers", []), *spec["containers"]]
             for source in container.get("envFrom", [])]
    assert len(named) >= 9
    assert set(named) == {settings}


@pytest.mark.parametrize(("name", "right", "wrong"), [
    ("kubernetes/predict.yaml", "maxUnavailable: 0", "maxUnavailabel: 0"),
    ("knative/predict.yaml", "containerConcurrency: 8", "containerConcurency: 8"),
    ("kubernetes/predict.yaml", "value: \"10\"", "value: 10"),
])
def test_misspelt_field_is_refused(deploy: Path, name: str, right: str, wrong: str) -> None:
    """The server is strict: what it did not refuse it has understood."""
    text = (deploy / name).read_text(encoding="utf-8")
    assert right in text
    done = kubectl(*STRICTLY, "--dry-run=server", "-n", "imgclass", "-f", "-",
                   given=text.replace(right, wrong))
    assert done.returncode != 0
    assert wrong.split(":")[0] in done.stderr or "unmarshal" in done.stderr

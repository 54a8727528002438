"""Every pod of deploy/: few rights, known needs, time to end in, and files that exist."""
from __future__ import annotations

import re
from typing import Any

import pytest

from imgclass import __version__
from tests.deployment_files import DEPLOY, ROOT, pods, read

PODS = {
    f"{path.relative_to(DEPLOY)}:{document['metadata']['name']}": (document, *pod)
    for folder in ("kubernetes", "knative") for path in sorted((DEPLOY / folder).rglob("*.yaml"))
    for document in read(path) for pod in pods(document)}
OURS = [name for name in PODS if "/trial/" not in name]
FUNCTIONS = [name for name in OURS
             if name.endswith((":predict", ":history", ":model-admin", ":console"))]
# They serve files: no secret, no setting, no metrics.
CONSOLES = [name for name in FUNCTIONS if name.endswith(":console")]
VOLUMES = {
    # Where our code may write, and where its secrets are.
    "/tmp": "emptyDir", "/var/openfaas/secrets": "projected"}
LEAST_SPARE_SECONDS = 5
# Where the functions say which paths of machines they have.
ROUTES = {
    "predict": ("functions", "predict", "predict", "inbox", "routes.py"),
    "history": ("functions", "history", "history", "erasure", "routes.py")}
ANNOTATIONS = {
    "prometheus.io/scrape", "prometheus.io/path", "prometheus.io/port",
    "autoscaling.knative.dev/min-scale", "autoscaling.knative.dev/max-scale",
    "autoscaling.knative.dev/scale-to-zero-pod-retention-period",
    "serving.knative.dev/progress-deadline"}


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def text(*path: str) -> str:
    return ROOT.joinpath(*path).read_text(encoding="utf-8")


def number(pattern: str, *path: str) -> int:
    """The number a file states."""
    found = re.search(pattern, text(*path), re.MULTILINE)
    assert found, pattern
    return int(found[1])


def test_pods_are_found() -> None:
    """The checks below see all of them."""
    assert len(FUNCTIONS) == 8
    assert {name.rpartition(":")[2] for name in PODS} == {
        "predict", "history", "model-admin", "console", "setup", "seed", "sweep", "reconcile",
        "erase", "postgres", "minio"}


@pytest.mark.parametrize("name", PODS)
def test_rights(name: str) -> None:
    """No pod runs as root, gains rights, writes to its image or speaks to Kubernetes."""
    _, _, spec = PODS[name]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    for container in containers(spec):
        security = {**spec.get("securityContext", {}), **container["securityContext"]}
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0 and security["runAsGroup"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("name", OURS)
def test_user_of_the_image(name: str) -> None:
    """Our images run as the user that their Dockerfiles made them for."""
    _, _, spec = PODS[name]
    for container in containers(spec):
        folder = "deploy/jobs" if container["image"] == "imgclass-jobs" else "template/flask"
        user = number(r"^USER (\d+):\1$", folder, "Dockerfile")
        security = {**spec.get("securityContext", {}), **container["securityContext"]}
        assert security["runAsUser"] == security["runAsGroup"] == user
        assert spec.get("securityContext", {}).get("fsGroup", user) == user


@pytest.mark.parametrize("name", OURS)
def test_volumes(name: str) -> None:
    """Our pods have a bounded /tmp and their secrets, which are not to be written; the console
    has none."""
    _, _, spec = PODS[name]
    kinds = {volume["name"]: volume for volume in spec["volumes"]}
    assert kinds["tmp"]["emptyDir"]["sizeLimit"]
    for container in containers(spec):
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert {path: next(iter(set(kinds[mount["name"]]) - {"name"}))
                for path, mount in mounts.items()} == (
            {"/tmp": "emptyDir"} if name in CONSOLES else VOLUMES)
        assert name in CONSOLES or mounts["/var/openfaas/secrets"]["readOnly"] is True


@pytest.mark.parametrize("name", PODS)
def test_needs(name: str) -> None:
    """Every container says what it needs and what it may use at most."""
    _, _, spec = PODS[name]
    for container in containers(spec):
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"]) & set(resources["limits"])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_probes(name: str) -> None:
    """A function gets requests only with a warm model, and is restarted only if it is dead."""
    _, _, spec = PODS[name]
    (container,) = spec["containers"]
    paths = {probe: container[probe]["httpGet"]["path"]
             for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {"startupProbe": "/_/health", "readinessProbe": "/_/ready",
                     "livenessProbe": "/_/health"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_to_end(name: str) -> None:
    """A function that has to end gets more time than gunicorn gives the requests it has."""
    _, _, spec = PODS[name]
    graceful = number(r"^graceful_timeout = (\d+)$", "common", "gunicorn_conf.py")
    if "timeoutSeconds" in spec:  # Knative's queue-proxy waits before it tells the function
        assert spec["timeoutSeconds"] >= graceful + LEAST_SPARE_SECONDS
        return
    (container,) = spec["containers"]
    program, pause = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    assert spec["terminationGracePeriodSeconds"] >= graceful + int(pause) + LEAST_SPARE_SECONDS


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name.startswith("knative/")])
def test_concurrency(name: str) -> None:
    """Knative sends as many requests at once as there are threads, less two for its probes."""
    _, _, spec = PODS[name]
    (container,) = spec["containers"]
    if name in CONSOLES:
        threads = number(r"GUNICORN_ARGUMENTS: --threads (\d+)", "stack.yml")
    else:
        (threads,) = [int(each["value"]) for each in container["env"]
                      if each["name"] == "WEB_THREADS"]
    assert spec["containerConcurrency"] == threads - 2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_annotations(name: str) -> None:
    """None is misspelt: an API server stores any."""
    _, metadata, spec = PODS[name]
    (container,) = spec["containers"]
    annotations = metadata.get("annotations", {})
    assert set(annotations) <= ANNOTATIONS
    port = annotations.get("prometheus.io/port")
    assert port == (None if name in CONSOLES else str(container["ports"][0]["containerPort"]))


@pytest.mark.parametrize("name", OURS)
def test_image(name: str) -> None:
    """Images have names without a tag, which the kustomizations give them: this release's."""
    folder = name.split("/")[0]
    (kustomization,) = read(DEPLOY / folder / "kustomization.yaml")
    images = {each["name"]: each for each in kustomization["images"]}
    for container in containers(PODS[name][2]):
        assert images[container["image"]]["newTag"] == __version__


@pytest.mark.parametrize("name", OURS)
def test_programs(name: str) -> None:
    """What a job starts exists, and asks for paths that its function has."""
    for container in containers(PODS[name][2]):
        program, *arguments = [*container.get("command", []), *container.get("args", [])] or [""]
        if not program:
            continue
        assert program == "python"
        assert (ROOT / arguments[0]).is_file()
        for path in arguments[2:]:
            if path.startswith("/events/"):
                function = arguments[1].removeprefix("http://").split(".")[0]
                assert f'{path.removeprefix("/events").split("?")[0]}")' in text(
                    *ROUTES[function])


@pytest.mark.parametrize("name", [name for name in OURS if ":seed" in name])
def test_first_model(name: str) -> None:
    """The model the seed registers is in its image."""
    (container,) = PODS[name][2]["containers"]
    assert f"{container['command'][-1]} " in f'{text("deploy", "jobs", "Dockerfile")} '

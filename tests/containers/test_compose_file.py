"""docker-compose.yml as it is written: what is published, what is limited, who waits for whom."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.config import EXAMPLE, Settings
from tests.containers.engine import ROOT, environment, why_absent

FILE = ROOT / "docker-compose.yml"
FUNCTIONS = ("predict", "history", "model-admin", "predict-2")
JOBS = ("check", "setup", "seed")
# Of the functions' settings, those that a container has by itself.
FIXED = {"BIND_HOST", "PORT", "LOG_DIR", "MODEL_CACHE_DIR", "BAKED_MODELS_DIR"}
# The servers are within, and what Knative and OpenFaaS need is theirs to set.
WITHIN = {"POSTGRES_PORT", "POSTGRES_SSLMODE", "MINIO_SECURE", "K_SINK", "K_CE_OVERRIDES",
          "CRON_SECONDS"}
# Features of newer Compose files, which docker-compose 1.29 refuses.
TOO_NEW = {"name", "include", "develop", "start_interval", "additional_contexts", "required",
           "restart_on", "configs", "models", "provider", "post_start", "pre_stop", "annotations"}


@pytest.fixture(scope="module", autouse=True)
def compose() -> None:
    """There is `docker compose`."""
    if reason := why_absent():
        pytest.skip(reason)


@cache
def _configured(file: str, variables: tuple[tuple[str, str], ...]) -> Any:
    done = subprocess.run(
        ["docker", "compose", "--project-directory", str(ROOT), "--env-file", file,
         "--profile", "*", "config", "--format", "json"],
        cwd=ROOT, env=environment(**dict(variables)), text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def configured(file: str = "/dev/null", **variables: str) -> dict[str, Any]:
    """The file as `docker compose config` reads it, with every profile."""
    found: dict[str, Any] = _configured(file, tuple(variables.items()))
    return found


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = configured()["services"]
    return found


def test_ports() -> None:
    """Everything that is published is published on 127.0.0.1, and only what clients need is."""
    published = {(name, port["host_ip"], port["target"])
                 for name, service in services().items() for port in service.get("ports", [])}
    assert published == {
        ("gateway", "127.0.0.1", 8080), ("minio", "127.0.0.1", 9000),
        ("prometheus", "127.0.0.1", 9090), ("grafana", "127.0.0.1", 3000)}


@pytest.mark.parametrize("name", sorted(yaml.safe_load(FILE.read_text("utf-8"))["services"]))
def test_confinement(name: str) -> None:
    """Every container has a memory limit and bounded logs, and cannot gain privileges; all but
    the database's are read-only and have no capability."""
    service = services()[name]
    assert int(service["mem_limit"]) > 0
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    if name != "postgres":
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_wait_for_the_setup(name: str) -> None:
    """A function starts once the database and the buckets are as it needs them, and has the time
    to finish what it has begun."""
    service = services()[name]
    assert service["depends_on"]["setup"]["condition"] == "service_completed_successfully"
    assert service["stop_grace_period"] == "35s"
    assert service["restart"] == "unless-stopped"
    assert "healthcheck" not in service  # the image's own: alive, with or without a model


def test_order() -> None:
    """Nothing is made before the settings were checked, and nothing waits for itself."""
    depends = {name: set(service.get("depends_on", {})) for name, service in services().items()}
    reached = {name: set(direct) for name, direct in depends.items()}
    for _ in depends:
        for found in reached.values():
            found |= {further for each in found for further in depends[each]}
    assert not [name for name, found in reached.items() if name in found]
    assert all("check" in reached[name] for name in reached
               if name not in ("check", "valkey", "prometheus"))
    # So that `up --wait` takes the end of a job for a success.
    for job in JOBS:
        assert "service_completed_successfully" in {
            service["depends_on"][job]["condition"] for service in services().values()
            if job in service.get("depends_on", {})}


def test_networks() -> None:
    """The gateway and what watches cannot reach the servers that keep the data."""
    for name in ("gateway", "seed", "cron", "prometheus", "grafana"):
        assert set(services()[name]["networks"]) == {"edge"}, name
    for name in ("postgres", "minio", "valkey"):
        assert set(services()[name]["networks"]) == {"data"}, name


def test_data_is_in_named_volumes() -> None:
    """What must outlive a container lies in a volume with a name."""
    volumes = {(name, volume["source"]) for name, service in services().items()
               for volume in service.get("volumes", []) if volume["type"] == "volume"}
    assert volumes == {
        ("postgres", "postgres"), ("minio", "minio"), ("minio", "minio-events"),
        ("model-admin", "model-admin-scratch"), ("prometheus", "prometheus"),
        ("grafana", "grafana")}
    assert set(configured()["volumes"]) == {volume for _, volume in volumes}


def test_profiles() -> None:
    """Without a profile there are neither replicas nor monitoring."""
    by_profile = {name: service.get("profiles", []) for name, service in services().items()}
    assert {name: found for name, found in by_profile.items() if found} == {
        "predict-2": ["scale"], "valkey": ["scale"],
        "prometheus": ["monitoring"], "grafana": ["monitoring"]}


def test_second_replica() -> None:
    """The second replica differs from the first in nothing but being found by the same name."""
    first, second = services()["predict"], services()["predict-2"]
    assert {network["aliases"][0] for network in second["networks"].values()} == {"predict"}
    for changing in ("networks", "profiles"):
        first = {name: value for name, value in first.items() if name != changing}
        second = {name: value for name, value in second.items() if name != changing}
    assert first == second


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_setting_can_be_set(name: str) -> None:
    """Each setting of the functions reaches them, but for those a container fixes."""
    known = {field.name.upper() for field in fields(Settings)}
    assert set(services()[name]["environment"]) == known - FIXED - WITHIN


def variables(text: str) -> dict[str, str]:
    """The variables of docker-compose.yml with their defaults."""
    return dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", text))


def examples() -> dict[str, str]:
    """The variables of .env.example, which are commented out, with their values."""
    return dict(re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M))


def test_example_is_what_holds_without_it() -> None:
    """.env.example shows the defaults of docker-compose.yml, and works as it stands."""
    defaults = variables(FILE.read_text("utf-8"))
    shown = {name: text for name, text in examples().items() if defaults.get(name)}
    assert shown == {name: defaults[name] for name in shown}
    assert len(shown) > 10
    assert configured(".env.example") == configured()


def test_one_variable_one_default() -> None:
    """A variable that is used twice means the same both times, or nothing where it is optional."""
    found: dict[str, set[str]] = {}
    for name, default in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", FILE.read_text("utf-8")):
        found.setdefault(name, set()).add(default)
    assert not {name: values for name, values in found.items() if len(values - {""}) > 1}


def test_secrets_of_the_example() -> None:
    """Every default of a secret is one that production refuses, and stands in the example."""
    defaults = variables(FILE.read_text("utf-8"))
    secrets = {name for name in defaults
               if name.endswith(("PASSWORD", "SECRET", "SECRET_KEY", "TOKEN"))}
    assert len(secrets) == 7
    assert all(defaults[name].startswith(EXAMPLE) for name in secrets)
    assert secrets <= set(examples())


def test_own_secrets_reach_everyone() -> None:
    """Whoever sets a secret has set it everywhere: no default is left in the file."""
    defaults = variables(FILE.read_text("utf-8"))
    own = {name: f"own-{name}" for name, text in defaults.items() if text.startswith(EXAMPLE)}
    assert EXAMPLE not in json.dumps(configured(**own))


def keys(tree: object) -> set[str]:
    """Every key in a tree."""
    if isinstance(tree, Mapping):
        return {*map(str, tree), *(key for value in tree.values() for key in keys(value))}
    if isinstance(tree, list):
        return {key for value in tree for key in keys(value)}
    return set()


def test_features_that_are_too_new() -> None:
    """Nothing is used that docker-compose 1.29 does not know."""
    assert not keys(yaml.safe_load(FILE.read_text("utf-8"))) & TOO_NEW
    assert not re.search(r"\$\{[^}]*\$\{", FILE.read_text("utf-8"))  # defaults within defaults


def test_old_docker_compose() -> None:
    """Where docker-compose is installed, it reads the file."""
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    done = subprocess.run([program, "config", "--quiet"], cwd=ROOT, env=environment(),
                          text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_programs_of_images_can_be_run() -> None:
    """What a container starts as a program is one in the checkout."""
    assert (ROOT / "deploy/gateway/start").stat().st_mode & 0o111
    assert Path(ROOT / "scripts/images").stat().st_mode & 0o111

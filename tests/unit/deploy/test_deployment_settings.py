"""What the deployments give the functions is complete, and holds nothing they do not know."""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from dotenv import dotenv_values

from common.config import Settings
from common.errors import ConfigurationError
from tests.deployment_files import DEPLOY, ROOT, pods, read, read_stack

NAMES = ("predict", "history", "model-admin")
SECRETS = {field.name.replace("_", "-") for field in fields(Settings) if field.metadata["secret"]}
# Read by OpenFaaS, not by us.
OPENFAAS_VARIABLES = {"read_timeout", "write_timeout", "exec_timeout"}
STACKS = {"openfaas": ROOT / "stack.yml", "openfaas-pro": DEPLOY / "openfaas" / "stack.pro.yml"}


class Given(NamedTuple):
    """What a function finds when it starts; `secrets` are names of files."""

    variables: dict[str, str]
    secrets: set[str]


def config_map() -> dict[str, str]:
    """The ConfigMap that all pods share."""
    values = dotenv_values(DEPLOY / "kubernetes" / "common" / "settings.env", interpolate=False)
    return {name: value or "" for name, value in values.items()}


def secret() -> set[str]:
    """The keys of the Secret, as README and trial/secrets make it."""
    script = (DEPLOY / "kubernetes" / "trial" / "secrets").read_text(encoding="utf-8")
    functions = script.split("functions.env <<END")[1].split("END")[0]
    return set(re.findall(r"^([a-z-]+)=", functions, re.MULTILINE))


def of_pod(spec: dict[str, Any]) -> Given:
    (container,) = spec["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": "imgclass"}}]
    variables = config_map() | {each["name"]: each["value"] for each in container.get("env", [])}
    (volume,) = [each for each in spec["volumes"] if each["name"] == "secrets"]
    (source,) = [each["secret"] for each in volume["projected"]["sources"]
                 if each["secret"]["name"] == "imgclass"]
    paths = {item["path"]: item["key"] for item in source.get("items", [])}
    assert all(path == key for path, key in paths.items())
    return Given(variables, set(paths) or secret())


def deployed() -> Iterator[tuple[str, Given]]:
    """Every function on every platform, but for the console, which has no settings."""
    for folder in ("kubernetes", "knative"):
        for name in NAMES:
            for document in read(DEPLOY / folder / f"{name}.yaml"):
                for _, spec in pods(document):
                    yield f"{folder}/{name}", of_pod(spec)
    for platform, path in STACKS.items():
        for name, function in read_stack(path)["functions"].items():
            if name in NAMES:
                yield f"{platform}/{name}", Given(
                    function["environment"], set(function["secrets"]))


DEPLOYED = dict(deployed())


def start(given: Given, folder: Path, **changes: str) -> Settings:
    """Read the settings as the function does."""
    for name in given.secrets:
        (folder / name).write_text(f"{name}, 32 bytes or more of it", encoding="utf-8")
    return Settings.load({**given.variables, "SECRETS_DIR": str(folder), **changes})


def test_all_are_seen() -> None:
    """Three functions on four platforms."""
    assert len(DEPLOYED) == 12


def test_console_is_given_nothing() -> None:
    """The console, which serves files, is given neither settings nor secrets."""
    for path in STACKS.values():
        assert "secrets" not in read_stack(path)["functions"]["console"]
    for folder in ("kubernetes", "knative"):
        for document in read(DEPLOY / folder / "console.yaml"):
            for _, spec in pods(document):
                assert "envFrom" not in spec["containers"][0]
                assert [each["name"] for each in spec["volumes"]] == ["tmp"]


@pytest.mark.parametrize("name", DEPLOYED)
def test_complete(name: str, tmp_path: Path) -> None:
    """With its variables and its secrets a function starts, and would refuse weak secrets."""
    given = DEPLOYED[name]
    settings = start(given, tmp_path)
    assert settings.environment == "production"
    assert settings.port == 8080
    (tmp_path / "jwt-secret").write_text("insecure-jwt-secret-of-32-bytes-or-more")
    with pytest.raises(ConfigurationError, match="JWT_SECRET is an example's"):
        Settings.load({**given.variables, "SECRETS_DIR": str(tmp_path)})


@pytest.mark.parametrize("name", DEPLOYED)
def test_known(name: str) -> None:
    """No variable and no secret is misspelt, and no secret is a variable."""
    given = DEPLOYED[name]
    variables = set(given.variables)
    if name.startswith("openfaas"):
        assert OPENFAAS_VARIABLES <= variables
        variables -= OPENFAAS_VARIABLES
    known = {field.name.upper() for field in fields(Settings) if not field.metadata["secret"]}
    assert variables <= known
    assert given.secrets <= SECRETS


@pytest.mark.parametrize("name", DEPLOYED)
def test_secrets_by_need(name: str) -> None:
    """Only predict hears events, and history where a job calls it; no other knows the token."""
    assert ("events-token" in DEPLOYED[name].secrets) == (
        name.endswith("/predict") or name in ("kubernetes/history", "knative/history"))


@pytest.mark.parametrize("name", [name for name in DEPLOYED if name.endswith("/predict")])
def test_somebody_sweeps(name: str, tmp_path: Path) -> None:
    """Uploads that nothing announced are found: by a timer, a CronJob or cron-connector."""
    settings = start(DEPLOYED[name], tmp_path)
    assert settings.inbox_worker
    if name.startswith("openfaas"):
        annotations = read_stack(STACKS[name.split("/")[0]])["functions"]["predict"]["annotations"]
        assert annotations["topic"] == "cron-function"
        assert len(annotations["schedule"].split()) == 5
        assert 0 < settings.cron_seconds < 60
    else:
        assert settings.sweep_seconds == settings.cron_seconds == 0
        names = [document["metadata"]["name"]
                 for document in read(DEPLOY / "kubernetes" / "common" / "cron.yaml")]
        assert names == ["sweep", "reconcile", "erase"]


@pytest.mark.parametrize("path", STACKS.values(), ids=STACKS)
def test_variables_of_the_stack_file(path: Path) -> None:
    """What faas-cli's environment says takes the place of the defaults."""
    functions = read_stack(path, POSTGRES_HOST="db.example.org", IMGCLASS_VERSION="9.9",
                           IMGCLASS_REGISTRY="registry.example.org/team")["functions"]
    assert {functions[name]["environment"]["POSTGRES_HOST"] for name in NAMES} == {
        "db.example.org"}
    assert functions["history"]["image"] == "registry.example.org/team/imgclass-history:9.9"


def test_addresses_inside_the_cluster() -> None:
    """Jobs and the store find the functions by the names that their Services have."""
    (namespace,) = read(DEPLOY / "kubernetes" / "namespace" / "namespace.yaml")
    found = set()
    for path in (DEPLOY / "kubernetes").rglob("*.yaml"):
        found |= set(re.findall(r"http://([a-z-]+)\.([a-z-]+)\.svc\.cluster\.local",
                                path.read_text(encoding="utf-8")))
    assert found == {(name, namespace["metadata"]["name"]) for name in NAMES}
    for name in NAMES:
        (service,) = [each for each in read(DEPLOY / "kubernetes" / f"{name}.yaml")
                      if each["kind"] == "Service"]
        assert service["spec"]["ports"][0]["port"] == 80

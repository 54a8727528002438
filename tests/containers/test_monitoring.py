"""Prometheus and Grafana: configuration that is valid, and asks for metrics that are there."""
from __future__ import annotations

import json

import httpx
import pytest
import yaml

from tests.containers.engine import ROOT, docker
from tests.containers.stack import ComposeStack
from tests.monitoring import (
    DASHBOARD, alerts, dashboard, dashboard_expressions, metrics_asked_for, metrics_in,
    rule_expressions)
from tests.waiting import wait_until

PROVISIONING = ROOT / "deploy/grafana/provisioning"
FUNCTIONS = ("predict", "history", "model-admin")


@pytest.fixture(scope="module")
def image(engine: None) -> str:
    """The image of Prometheus."""
    found = docker("compose", "--env-file", "/dev/null", "--profile", "monitoring", "config",
                   "--format", "json")
    name: str = json.loads(found)["services"]["prometheus"]["image"]
    return name


@pytest.fixture(scope="module", autouse=True)
def api(stack: ComposeStack) -> str:
    """The address of a Prometheus that watches the stack, from the first test of these on."""
    stack.up("prometheus", profile="monitoring")
    return f"{stack.prometheus}/api/v1"


def promtool(image: str, *arguments: str) -> str:
    return docker("run", "--rm", "--network", "none", "--entrypoint", "promtool",
                  "--volume", f"{ROOT}/deploy/prometheus:/etc/prometheus:ro",
                  "--volume", f"{ROOT}/tests/containers/rules_test.yml:/rules_test.yml:ro",
                  image, *arguments)


def test_configuration(image: str) -> None:
    """promtool has nothing against configuration and rules."""
    said = promtool(image, "check", "config", "/etc/prometheus/prometheus.yml")
    assert f"{len(rule_expressions())} rules found" in said


def test_rules(image: str) -> None:
    """The alerts fire when they should, and at no other time."""
    assert "SUCCESS" in promtool(image, "test", "rules", "/rules_test.yml")


def test_every_alert_is_tested() -> None:
    """No alert is without a case in which it fires, and one in which it does not."""
    tests = yaml.safe_load((ROOT / "tests/containers/rules_test.yml").read_text("utf-8"))["tests"]
    fired = {(case["alertname"], bool(case["exp_alerts"]))
             for test in tests for case in test["alert_rule_test"]}
    assert fired == {(name, fires) for name in alerts() for fires in (True, False)}


def test_dashboard_finds_its_data() -> None:
    """The dashboard lies where Grafana looks, and reads from the source Grafana is given."""
    (source,) = yaml.safe_load(
        (PROVISIONING / "datasources/prometheus.yml").read_text("utf-8"))["datasources"]
    panels = dashboard()["panels"]
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {
        source["uid"]}
    assert len({panel["id"] for panel in panels}) == len(panels)
    (provider,) = yaml.safe_load(
        (PROVISIONING / "dashboards/imgclass.yml").read_text("utf-8"))["providers"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    grafana = compose["services"]["grafana"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == (
        f"{provider['options']['path']}/{DASHBOARD.name}")


def test_metrics_exist(stack: ComposeStack) -> None:
    """Every metric that an alert or a panel asks for is one that a function has."""
    known = {metric for name in FUNCTIONS
             for metric in metrics_in(stack.fetched(name, "/metrics"))}
    assert metrics_asked_for() <= known | {"up"}


def test_functions_are_watched(api: str) -> None:
    """Prometheus finds every function in DNS, and each answers."""
    def health() -> dict[str, str]:
        try:
            targets = httpx.get(f"{api}/targets").json()["data"]["activeTargets"]
        except httpx.TransportError:  # it is starting
            return {}
        return {target["labels"]["job"]: target["health"] for target in targets}

    wanted = dict.fromkeys((*FUNCTIONS, "prometheus"), "up")
    wait_until(lambda: health() == wanted)


def test_queries(api: str) -> None:
    """Prometheus understands every query, and no alert fires on a healthy stack."""
    wait_until(lambda: httpx.get(f"{api.removesuffix('/api/v1')}/-/ready").status_code == 200)
    for expression in rule_expressions() + dashboard_expressions():
        answer = httpx.get(f"{api}/query", params={"query": expression}).json()
        assert answer["status"] == "success", (expression, answer)
    found = httpx.get(f"{api}/alerts").json()["data"]["alerts"]
    assert [alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"] == []

"""Metrics that alerts, the dashboard and the documentation name are ones that a function has."""
from __future__ import annotations

import re

import httpx
import pytest

from imgclass.embedded.stack import Stack
from tests.documentation import pages
from tests.monitoring import alerts, metrics_asked_for, metrics_in
from tests.servers import ROOT


@pytest.fixture(scope="module")
def known(own_stack: Stack) -> set[str]:
    """Every metric of every function."""
    return {metric for address in own_stack.functions.addresses().values()
            for metric in metrics_in(httpx.get(f"http://{address}/metrics").text)}


def test_alerts_and_dashboard(known: set[str]) -> None:
    """Nothing is asked of Prometheus that no function tells it."""
    asked = metrics_asked_for()
    assert len(asked) > 10
    assert asked <= known | {"up"}


def test_documentation(known: set[str]) -> None:
    """Every metric on a page exists, with or without what its kind adds to its name."""
    for page in pages():
        for name in re.findall(r"`(imgclass_\w+)", (ROOT / page).read_text(encoding="utf-8")):
            assert {name, f"{name}_total", f"{name}_count"} & known, f"{page}: {name}"


def test_every_alert_is_explained() -> None:
    """docs/operations.md has a row for each alert, in their order."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    section = text.split("## Alerts and the dashboard", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == alerts()

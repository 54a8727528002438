"""What the alerts and the dashboard ask for, and what a function measures."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
RULES = ROOT / "deploy/prometheus/rules.yml"
DASHBOARD = ROOT / "deploy/grafana/dashboards/imgclass.json"
METRIC = re.compile(r"\b((?:imgclass|process)_\w+|up)\b")


def _rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def alerts() -> list[str]:
    """The names of the alerts."""
    return [rule["alert"] for rule in _rules()]


def rule_expressions() -> list[str]:
    return [rule["expr"] for rule in _rules()]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    return found


def dashboard_expressions() -> list[str]:
    return [target["expr"].replace("$__rate_interval", "1m")
            for panel in dashboard()["panels"] for target in panel["targets"]]


def metrics_asked_for() -> set[str]:
    """Every metric that an alert or a panel names."""
    return {metric for expression in rule_expressions() + dashboard_expressions()
            for metric in METRIC.findall(expression)}


def metrics_in(exposed: str) -> set[str]:
    """The metrics of an answer of /metrics, as queries name them."""
    found = set()
    for metric, kind in re.findall(r"# TYPE (\w+) (\w+)", exposed):
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {f"{metric}{suffix}" for suffix in suffixes}
    return found

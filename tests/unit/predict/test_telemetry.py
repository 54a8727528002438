"""What predict measures, in Prometheus' conventions."""
from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from predict.telemetry import Telemetry
from tests.fakes.models import FakeEngine, fake_model

UNBOUNDED = {"user_id", "image_id", "request_id", "path", "filename", "key"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_names_follow_the_conventions(registry: CollectorRegistry) -> None:
    """Counters end in _total, times in _seconds; no label grows with the traffic."""
    telemetry = Telemetry(registry)
    telemetry.predictions.labels("v1").inc()
    telemetry.serving({"active": fake_model()})
    for family in registry.collect():
        assert family.name.startswith("imgclass_")
        for sample in family.samples:
            assert not UNBOUNDED & set(sample.labels)
            if family.type == "counter":
                assert sample.name.endswith(("_total", "_created"))
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        if family.type == "gauge":
            assert not family.name.endswith(("_total", "_count"))


def test_present_models(registry: CollectorRegistry) -> None:
    """After a swap only the models loaded now are named, under each role they have."""
    telemetry = Telemetry(registry)
    telemetry.serving({"active": fake_model(), "shadow": fake_model(version="v3")})
    new = fake_model(FakeEngine("tensorflow"), version="v2", digest="c" * 64)
    telemetry.serving({"active": new})
    named = [sample.labels for family in registry.collect() for sample in family.samples
             if sample.name == "imgclass_model_info" and sample.value == 1]
    assert named == [{
        "role": "active", "version": "v2", "digest": "c" * 64, "engine": "tensorflow"}]

"""The profile `scale`: two replicas of predict behind one gateway."""
from __future__ import annotations

import json
import re

import pytest

from tests.containers.engine import ROOT
from tests.containers.stack import ComposeStack
from tests.waiting import wait_until

COFFEE = ROOT / "examples/pictures/coffee.jpg"


@pytest.fixture
def replicas(stack: ComposeStack) -> ComposeStack:
    """The stack with the second replica."""
    stack.up("predict-2", "valkey", profile="scale")
    return stack


def answering(stack: ComposeStack) -> set[str]:
    """The addresses of the replicas that have answered the gateway."""
    lines = [json.loads(line) for line in stack.logs("gateway").splitlines()
             if line.startswith("{")]
    return {line["upstream"] for line in lines
            if line["path"] == "/api/v1/predict" and line["status"] == 200
            and re.fullmatch(r"[0-9.]+:8080", line["upstream"])}


def test_both_replicas_answer(replicas: ComposeStack) -> None:
    """The gateway finds the second replica by itself, gives both their share, and misses neither
    when it has gone."""
    with replicas.client("ada@example.com") as client:
        before = answering(replicas)

        def shared() -> bool:
            client.predict(COFFEE)
            return len(answering(replicas) - before) >= 1 and len(answering(replicas)) >= 2

        wait_until(shared)
        with replicas.client("root@example.com", admin=True) as admin:
            (active,) = [model.version for model in admin.models() if model.is_active]
            assert len({each.replica_id for each in admin.replicas(active)}) >= 2
        replicas.compose("--profile", "scale", "rm", "--stop", "--force", "predict-2", "valkey")
        for _ in range(10):
            assert client.predict(COFFEE).predicted_class == "espresso"

"""Swapping the active model under load."""
from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgclass.client import Client
from imgclass.embedded.stack import Stack
from tests.archives import renamed
from tests.e2e.access import client_of

COFFEE = Path(__file__).parents[2] / "examples/pictures/coffee.jpg"
CLIENTS = 3
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def versions(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The default model's version, and a second one with the same weights."""
    assert stack.archive is not None
    second = tmp_path_factory.mktemp("second") / "second.zip"
    renamed(stack.archive, "swap-2", second)
    with client_of(stack, "root@example.com", admin=True) as admin:
        admin.register_model(second)
        assert admin.wait_for_model("swap-2", timeout=PATIENCE_SECONDS).state == "ready"
    return "v1", "swap-2"


def test_no_request_fails_while_models_are_swapped(
    stack: Stack, versions: tuple[str, str]
) -> None:
    """Every request is answered by one of the two models, and each swap is soon seen."""
    answered: Counter[str | None] = Counter()
    seen = threading.Condition()
    stop = threading.Event()

    def classify() -> None:
        with client_of(stack, "ada@example.com") as client:
            while not stop.is_set():
                prediction = client.predict(COFFEE)
                assert prediction.predicted_class == "espresso"
                with seen:
                    answered[prediction.model_version] += 1
                    seen.notify_all()

    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(classify) for _ in range(CLIENTS)]
        try:
            with client_of(stack, "root@example.com", admin=True) as admin:
                for version in versions[::-1] * 2:  # the first one answers to begin with
                    _swap(admin, version, answered, seen)
        finally:
            stop.set()
        for each in running:
            each.result()
    assert set(answered) == set(versions)


def _swap(
    admin: Client, version: str, answered: Counter[str | None], seen: threading.Condition
) -> None:
    admin.activate_model(version)
    with seen:
        before, deadline = answered[version], time.monotonic() + PATIENCE_SECONDS
        while answered[version] <= before + CLIENTS:
            assert seen.wait(deadline - time.monotonic()), f"{version} does not answer"

"""A second process of predict and of model-admin, beside the stack's own on the same servers."""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from bench import second_model
from imgclass.client import Client
from imgclass.embedded.functions import MODEL_ADMIN, PREDICT
from imgclass.embedded.stack import Stack
from tests.databases import query
from tests.e2e.access import client_of, settings_of, token_of
from tests.function_process import FunctionProcess
from tests.servers import ROOT
from tests.waiting import wait_until

PICTURE = ROOT / "examples/pictures/coffee.jpg"
PATIENCE_SECONDS = 60
FIRST = "v1"
VERSIONS = ("replica-2", "replica-3")
USERS = 40
CANARY_PERCENT = 30


@pytest.fixture(scope="module")
def replicas(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[str, str]]]:
    """Addresses of the two replicas of each function: the stack's own, and one more."""
    own = stack.functions.addresses()
    with ExitStack() as started:
        def second(name: str) -> str:
            process = started.enter_context(FunctionProcess(
                "handler:app", ROOT / "functions" / name, {
                    **stack.functions.environment,
                    "PYTHONPATH": f"{ROOT / 'functions' / name}:{ROOT}",
                    "MODEL_CACHE_DIR": str(tmp_path_factory.mktemp("models")),
                    "LOG_DIR": str(tmp_path_factory.mktemp("logs"))}))
            process.wait_for("/_/ready")
            return f"{process.host}:{process.port}"
        yield {name: (f"http://{own[name]}", f"http://{second(name)}")
               for name in (PREDICT, MODEL_ADMIN)}


@pytest.fixture(scope="module")
def admins(stack: Stack, replicas: dict[str, tuple[str, str]]) -> Iterator[tuple[Client, Client]]:
    """An administrator's client of each model-admin replica; v1 answers alone at the end."""
    token = token_of(stack, "root@example.com", admin=True)[0]
    first, second = replicas[MODEL_ADMIN]
    with Client(first, token) as one, Client(second, token) as other:
        yield one, other
        one.activate_model(FIRST)


@pytest.fixture(scope="module")
def registered(
    stack: Stack, admins: tuple[Client, Client], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, ...]:
    """Two more versions, each registered through another replica."""
    assert stack.archive is not None
    for version, admin in zip(VERSIONS, admins, strict=True):
        archive = tmp_path_factory.mktemp(version) / "model.zip"
        second_model.write(stack.archive, version, archive)
        admin.register_model(archive)
    for version, admin in zip(VERSIONS, admins[::-1], strict=True):
        assert admin.wait_for_model(version, PATIENCE_SECONDS).state == "ready"
    return VERSIONS


def answering(stack: Stack, url: str, email: str) -> str | None:
    """The version that answers a user at a replica."""
    with Client(url, token_of(stack, email)[0]) as client:
        return client.predict(PICTURE).model_version


def get_replicas(stack: Stack, version: str) -> list[dict[str, Any]]:
    """What the service says of who serves a version."""
    answer = httpx.get(f"{stack.gateway.url}/api/v1/models/{version}/replicas",
                       headers=admin_header(stack), trust_env=False)
    replicas: list[dict[str, Any]] = answer.raise_for_status().json()["replicas"]
    return replicas


def admin_header(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(stack, 'root@example.com', admin=True)[0]}"}


def active_versions(stack: Stack) -> list[str]:
    rows = query(settings_of(stack), "SELECT version FROM model_versions WHERE is_active")
    return [row["version"] for row in rows]


def serving(stack: Stack, role: str, version: str) -> set[str]:
    """The ids of the replicas in which a version has a role."""
    return {each["replica_id"] for each in get_replicas(stack, version)
            if each["serving"].get(role, {}).get("version") == version}


def test_validated_once(
    stack: Stack, registered: tuple[str, ...], admins: tuple[Client, Client]
) -> None:
    """A version registered through either replica is proven once, and both show its report."""
    for version in registered:
        reports = [admin.model(version).report for admin in admins]
        assert reports[0] == reports[1]
        assert reports[0]["twin"]["accepted"] is True
        assert query(
            settings_of(stack), "SELECT attempts FROM model_versions WHERE version = %s", version
        ) == [{"attempts": 1}]


def test_both_replicas_follow_an_activation(
    stack: Stack, replicas: dict[str, tuple[str, str]], registered: tuple[str, ...]
) -> None:
    """Each predict replica soon answers with the activated version, and both say so."""
    with client_of(stack, "root@example.com", admin=True) as admin:
        for version in (registered[0], FIRST):
            admin.activate_model(version)
            for url in replicas[PREDICT]:
                wait_until(lambda: answering(stack, url, "ada@example.com") == version)
            wait_until(lambda: len(serving(stack, "active", version)) == 2)


def test_rival_activations(
    stack: Stack, registered: tuple[str, ...], admins: tuple[Client, Client]
) -> None:
    """Activations through both replicas at once leave exactly one active version, on all."""
    def activate(number: int) -> None:
        admins[number % 2].activate_model(registered[number // 2 % 2])

    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            list(pool.map(activate, range(8)))
            (active,) = active_versions(stack)
            assert active in registered
    wait_until(lambda: len(serving(stack, "active", active)) == 2)


@pytest.fixture
def canary(stack: Stack, admins: tuple[Client, Client], registered: tuple[str, ...]) -> (
        Iterator[str]):
    """A version that answers some users beside v1, on both replicas, and watches the others."""
    version = registered[1]
    admins[0].activate_model(FIRST)
    set_traffic(stack, version, canary_percent=CANARY_PERCENT, shadow=True)
    wait_until(lambda: len(serving(stack, "active", FIRST) & serving(stack, "canary", version))
               == 2)
    yield version
    set_traffic(stack, version, canary_percent=0, shadow=False)
    wait_until(lambda: not serving(stack, "canary", version))


def set_traffic(stack: Stack, version: str, **traffic: Any) -> None:
    httpx.put(f"{stack.gateway.url}/api/v1/models/{version}/traffic", json=traffic,
              headers=admin_header(stack), trust_env=False).raise_for_status()


def test_canary_is_the_same_on_both_replicas(
    stack: Stack, replicas: dict[str, tuple[str, str]], canary: str
) -> None:
    """The same users meet the canary wherever they ask; it is scored unseen for all others."""
    users = [f"canary-{number}@example.com" for number in range(USERS)]
    chosen = [{user for user in users if answering(stack, url, user) == canary}
              for url in replicas[PREDICT]]
    assert chosen[0] == chosen[1]
    assert USERS * CANARY_PERCENT / 200 <= len(chosen[0]) <= USERS * CANARY_PERCENT / 50
    expected = {user: 2 for user in users if user not in chosen[0]}
    wait_until(lambda: shadowed(stack, canary) == expected)


def shadowed(stack: Stack, version: str) -> dict[str, int]:
    """How many answers to each user the shadow has scored."""
    rows = query(
        settings_of(stack),
        "SELECT email, count(*) FROM shadow_predictions AS shadow"
        " JOIN predictions USING (prediction_id) JOIN users USING (user_id)"
        " WHERE shadow.model_version = %s GROUP BY email", version)
    return {row["email"]: row["count"] for row in rows}


def test_v1_answers_again(
    stack: Stack, replicas: dict[str, tuple[str, str]], admins: tuple[Client, Client]
) -> None:
    """After all this, v1 alone answers everywhere."""
    admins[1].activate_model(FIRST)
    assert active_versions(stack) == [FIRST]
    for url in replicas[PREDICT]:
        wait_until(lambda: answering(stack, url, "ada@example.com") == FIRST)

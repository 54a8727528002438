"""A function's container by itself: read-only, with little memory, and with nothing behind it."""
from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import NamedTuple

import docker as docker_api
import pytest

from tests import tokens
from tests.containers.conftest import PREFIX
from tests.containers.engine import docker
from tests.containers.function_container import FunctionContainer
from tests.environments import environment
from tests.function_process import form
from tests.waiting import wait_until

MEMORY = {"history:latest": "128m", "predict:slim": "256m", "predict:latest": "1g",
          "model-admin:latest": "1g"}
IMAGES = list(MEMORY)


def container(image: str, *volumes: str, **changes: str) -> FunctionContainer:
    """A function with the smallest complete environment, in which nothing it needs answers."""
    return FunctionContainer(
        f"{PREFIX}{image}", environment(**changes), MEMORY[image], *volumes)


def cpu_seconds(name: str) -> float:
    """How long a container's processes have computed by now."""
    engine = docker_api.from_env()
    try:
        used: int = engine.api.stats(name, stream=False, one_shot=True)[
            "cpu_stats"]["cpu_usage"]["total_usage"]
        return used / 1e9
    finally:
        engine.close()


class Started(NamedTuple):
    """A running function, and the CPU time that its start took."""

    function: FunctionContainer
    seconds: float


@pytest.fixture(scope="module")
def started(images: dict[str, int]) -> Iterator[Callable[[str], Started]]:
    """Starts each image when a test first asks for it."""
    with ExitStack() as running:
        @cache
        def start(image: str) -> Started:
            function = running.enter_context(container(image))
            return Started(function, cpu_seconds(function.name))

        yield start


@pytest.mark.parametrize("image", IMAGES)
def test_start(started: Callable[[str], Started], image: str) -> None:
    """It is alive after less than two seconds of work, at any port, whatever is missing."""
    function, seconds = started(image)
    assert seconds < 2
    assert function.get("/_/health").json() == {"status": "ok"}
    answer = function.get("/_/ready")
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert function.get("/metrics").status == 200
    state = function.inspected()["State"]
    assert (state["Running"], state["OOMKilled"]) == (True, False)
    for line in function.logged().splitlines():
        assert {"level", "message", "time"} <= set(json.loads(line)), line


@pytest.mark.parametrize("image", IMAGES)
def test_nothing_else_is_written(started: Callable[[str], Started], image: str) -> None:
    """Its user can write into /tmp and nowhere else; without a log folder it logs to stdout."""
    function = started(image).function
    writable = function.run("sh", "-c", (
        "for folder in /app /app/common /opt/venv /models /logs /etc /var/tmp /tmp; do "
        "touch $folder/x 2>/dev/null && echo $folder; done; true"))
    assert writable.split() == ["/tmp"]
    assert docker("diff", function.name) == ""
    assert "no log file" in function.logged()


def test_request_id(started: Callable[[str], Started]) -> None:
    """The id a gateway gave the request is on the answer and in the log."""
    function = started("history:latest").function
    for name in ("X-Request-Id", "X-Call-Id"):
        sent = uuid.uuid4().hex
        answer = function.get("/api/v1/predictions", {name: sent})
        assert answer.headers["X-Request-Id"] == answer.json()["request_id"] == sent
        wait_until(lambda: f'"request_id": "{sent}"' in function.logged())


def test_model_that_is_not_there_yet(started: Callable[[str], Started]) -> None:
    """Until its model is warm predict refuses pictures for the moment, and says for how long."""
    user = uuid.uuid4()
    body = form("limit", {"user_id": str(user)}, b"\xff\xd8\xff")
    with started("predict:slim").function.connect() as connection:
        connection.send_head("/api/v1/predict", {
            **tokens.bearer(user), "Content-Type": "multipart/form-data; boundary=limit",
            "Content-Length": str(len(body))})
        connection.send(body)
        answer = connection.answer()
    assert answer is not None and answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["detail"] == "The model is not loaded yet."


def test_probe_of_the_image(started: Callable[[str], Started]) -> None:
    """The image's own health check follows PORT."""
    function = started("history:latest").function
    wait_until(lambda: function.inspected()["State"]["Health"]["Status"] == "healthy")


def test_log_folder(images: dict[str, int]) -> None:
    """Where /logs is mounted, the log is written there as well; the end is a regular one."""
    with container("history:latest", "/logs") as running:
        running.get("/api/v1/predictions")
        wait_until(lambda: '"message": "request"' in running.run("cat", "/logs/history.jsonl"))
    assert running.exit_status == 0


@pytest.fixture
def secrets(tmp_path: Path, postgres: Mapping[str, str]) -> Path:
    """A mounted secret, with a password that is not the database's."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "postgres-password").write_text("wrong")
    folder.chmod(0o755)
    return folder


def test_wrong_password(
    images: dict[str, int], postgres: Mapping[str, str], secrets: Path,
) -> None:
    """A wrong password leaves the function alive and not ready, and its log says why; a mounted
    secret that was corrected counts from the next start."""
    changes = {**postgres, "POSTGRES_PASSWORD": "", "SECRETS_DIR": "/secrets"}
    with container("history:latest", f"{secrets}:/secrets:ro", **changes) as running:
        refused = running.get("/_/ready")
        assert refused.status == 503
        assert "database: The database does not answer." in refused.json()["detail"]
        assert "password" not in refused.body.decode()
        reasons = [record["message"] for record in map(json.loads, running.logged().splitlines())
                   if record["message"].startswith("not ready: database: ")]
        assert reasons and "password authentication failed for user" in reasons[0]
        assert running.get("/_/health").status == 200

    (secrets / "postgres-password").write_text(postgres["POSTGRES_PASSWORD"])
    with container("history:latest", f"{secrets}:/secrets:ro", **changes) as running:
        assert "database" not in running.get("/_/ready").json()["detail"]


def test_setting_that_is_missing(images: dict[str, int]) -> None:
    """Without a setting it needs a function does not start, and one line names it."""
    words = container("history:latest", POSTGRES_HOST="")
    with pytest.raises(AssertionError, match="POSTGRES_HOST is not set"), words:
        pass

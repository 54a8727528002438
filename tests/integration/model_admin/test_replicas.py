"""Replicas of model-admin as they are served, on one database: rivals, outages, kills."""
from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from common.config import Settings
from common.errors import NotFound
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from tests import tokens
from tests.archives import archive, folder_members, pack
from tests.databases import add_model, environment_of, query
from tests.function_process import FunctionProcess
from tests.integration.model_admin.conftest import Build

FOLDER = Path(__file__).resolve().parents[3] / "functions" / "model-admin"
MODELS = "/api/v1/models"
MAX_BYTES = 1_000_000
PATIENCE_SECONDS = 60
ADMIN = uuid.uuid4()

Start = Callable[[Settings], FunctionProcess]


@pytest.fixture(scope="module")
def start(models_bucket: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a replica on a database; it ends with the tests."""
    with ExitStack() as stack:
        def start(settings: Settings) -> FunctionProcess:
            return stack.enter_context(FunctionProcess("handler:app", FOLDER, {
                **environment_of(settings),
                "MINIO_ENDPOINT": settings.minio_endpoint,
                "MINIO_ACCESS_KEY": settings.minio_access_key,
                "MINIO_SECRET_KEY": settings.minio_secret_key,
                "MODELS_BUCKET_NAME": models_bucket,
                "MAX_MODEL_BYTES": str(MAX_BYTES), "INFERENCE_THREADS": "1",
                "LOG_DIR": str(tmp_path_factory.mktemp("logs")), "LOG_LEVEL": "WARNING"}))
        yield start


@pytest.fixture(scope="module")
def replicas(start: Start, module_settings: Settings) -> list[FunctionProcess]:
    """Two on one database."""
    return [start(module_settings), start(module_settings)]


@pytest.fixture(autouse=True)
def no_models(module_settings: Settings) -> None:
    query(module_settings, "DELETE FROM model_versions")


def client(replica: FunctionProcess, roles: tuple[str, ...] = ("admin",)) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://{replica.host}:{replica.port}", timeout=PATIENCE_SECONDS,
        headers=tokens.bearer(ADMIN, roles=list(roles)))


def register(replica: FunctionProcess, data: bytes) -> httpx.Response:
    with client(replica) as http:
        return http.post(MODELS, files={"archive": ("model.zip", data)})


def wait_for_verdict(replica: FunctionProcess, version: str = "v1") -> dict[str, Any]:
    """Poll a version until it is proven, as clients do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with client(replica) as http:
        while time.monotonic() < deadline:
            row: dict[str, Any] = http.get(f"{MODELS}/{version}").json()
            if row["state"] != "validating":
                return row
            time.sleep(0.1)
    raise AssertionError(f"{version} is still validating")


def test_from_registration_to_activation(
    replicas: list[FunctionProcess], built: Build, module_settings: Settings,
) -> None:
    """What one replica takes in, one of both proves once, and the other shows and activates."""
    first, second = replicas
    assert register(first, pack(folder_members(built("good")))).status_code == 202
    row = wait_for_verdict(second)
    assert row["state"] == "ready", row["report"]
    assert row["report"]["twin"]["accepted"] is True
    assert query(module_settings, "SELECT attempts FROM model_versions") == [{"attempts": 1}]
    with client(second) as http:
        activated = http.post(f"{MODELS}/v1/activate")
        assert (activated.status_code, activated.json()["is_active"]) == (200, True)
        assert activated.json()["activated_at"] is not None
    with client(first) as http:
        (listed,) = http.get(MODELS).json()["models"]
        assert (listed["version"], listed["is_active"]) == ("v1", True)


def test_rival_registrations(
    replicas: list[FunctionProcess], module_settings: Settings, models_bucket: str,
) -> None:
    """Of two archives of one version at the same moment, one stays, with all of its files."""
    store = S3ObjectStore(s3_client(module_settings, connections=1), models_bucket)
    for number in range(3):
        rivals = [archive(version=f"v{number}", description=each) for each in ("a", "b")]
        gate = threading.Barrier(2)

        def send(pair: tuple[FunctionProcess, bytes]) -> httpx.Response:
            gate.wait(30)
            return register(*pair)

        with ThreadPoolExecutor(2) as executor:
            answers = [*executor.map(send, zip(replicas, rivals, strict=True))]
        assert sorted(answer.status_code for answer in answers) == [202, 409]
        for data, answer in zip(rivals, answers, strict=True):
            key = f"v{number}/{hashlib.sha256(data).hexdigest()}/archive.zip"
            if answer.status_code == 202:
                assert b"".join(store.get(key).chunks) == data
            else:
                with pytest.raises(NotFound):
                    store.get(key)


def test_rival_activations(
    replicas: list[FunctionProcess], module_settings: Settings,
) -> None:
    """Eight clients activate three versions as fast as they can: one is active at any moment."""
    for version in ("v1", "v2", "v3"):
        add_model(module_settings, version)
    with client(replicas[0]) as http:
        assert http.post(f"{MODELS}/v1/activate").status_code == 200
    done = threading.Event()
    seen: list[int] = []

    def watch() -> None:
        while not done.is_set():
            (row,) = query(
                module_settings, "SELECT count(*) AS active FROM model_versions WHERE is_active")
            seen.append(row["active"])

    def activate(number: int) -> list[int]:
        with client(replicas[number % 2]) as http:
            return [http.post(f"{MODELS}/v{(number + each) % 3 + 1}/activate").status_code
                    for each in range(6)]

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with ThreadPoolExecutor(8) as executor:
            statuses = [status for each in executor.map(activate, range(8)) for status in each]
    finally:
        done.set()
        watcher.join(30)
    assert statuses == [200] * 48
    assert len(seen) > 5 and set(seen) == {1}


@pytest.mark.parametrize(("state", "status"), [
    (None, 404), ("validating", 409), ("rejected", 409)])
def test_activation_refused(
    replicas: list[FunctionProcess], module_settings: Settings, state: str | None, status: int,
) -> None:
    """A version that is unknown or unproven is refused, and the active one goes on answering."""
    add_model(module_settings, "v1", is_active=True)
    if state is not None:
        add_model(module_settings, "v2", state=state, lease_until="infinity")
    with client(replicas[0]) as http:
        answer = http.post(f"{MODELS}/v2/activate")
        assert answer.status_code == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        if state is not None:
            assert state in answer.json()["detail"]
        assert http.get(f"{MODELS}/v1").json()["is_active"] is True


def test_golden_pictures_missed(
    replicas: list[FunctionProcess], module_settings: Settings,
) -> None:
    """A model that misses a golden picture cannot be activated; the pictures are named."""
    golden = {"passed": False, "pictures": [
        {"file": "golden/a.jpg", "passed": True}, {"file": "golden/b.jpg", "passed": False}]}
    add_model(module_settings, "v1", is_active=True)
    add_model(module_settings, "v2", report=json.dumps({"golden": golden}))
    with client(replicas[0]) as http:
        answer = http.post(f"{MODELS}/v2/activate")
        assert answer.status_code == 409
        assert "golden/b.jpg" in answer.json()["detail"]
        assert "golden/a.jpg" not in answer.json()["detail"]
        assert http.get(f"{MODELS}/v1").json()["is_active"] is True


def test_activated_again(replicas: list[FunctionProcess], module_settings: Settings) -> None:
    """Activating the active version changes nothing."""
    add_model(module_settings, "v1", is_active=True)
    with client(replicas[0]) as http:
        answer = http.post(f"{MODELS}/v1/activate")
    assert (answer.status_code, answer.json()["is_active"]) == (200, True)


@pytest.mark.parametrize("path", ["v1%00", "%00", "v1%0A", "%C3%28"])
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("POST", "/activate")])
def test_names_that_no_version_has(
    replicas: list[FunctionProcess], method: str, tail: str, path: str,
) -> None:
    """Names that the database could not even look up are not found like any other."""
    with client(replicas[0]) as http:
        assert http.request(method, f"{MODELS}/{path}{tail}").status_code == 404


def test_only_administrators(replicas: list[FunctionProcess]) -> None:
    """Users without the role are refused."""
    with client(replicas[0], roles=()) as http:
        assert http.get(MODELS).status_code == 403
        assert http.post(MODELS, files={"archive": ("x", b"x")}).status_code == 403


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large(replicas: list[FunctionProcess], chunked: bool) -> None:
    """An archive beyond MAX_MODEL_BYTES is refused, also if its length is not declared."""
    body = (b'--x\r\nContent-Disposition: form-data; name="archive"; filename="a"\r\n\r\n'
            + bytes(MAX_BYTES + 200_000) + b"\r\n--x--\r\n")
    content: Any = iter([body[:500_000], body[500_000:]]) if chunked else body
    with client(replicas[0]) as http:
        answer = http.post(MODELS, content=content, headers={
            "Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 413
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_killed(start: Start, built: Build, database_settings: Settings) -> None:
    """A replica killed in the middle of a validation leaves it to another one."""
    doomed = start(database_settings)
    assert register(doomed, pack(folder_members(built("good")))).status_code == 202
    kill_validating(doomed)
    (row,) = query(
        database_settings, "SELECT state, attempts, lease_until > now() AS held "
        "FROM model_versions")
    assert row == {"state": "validating", "attempts": 1, "held": True}
    query(database_settings, "UPDATE model_versions SET lease_until = now()")
    assert wait_for_verdict(start(database_settings))["state"] == "ready"
    assert query(database_settings, "SELECT attempts FROM model_versions") == [{"attempts": 2}]


def kill_validating(replica: FunctionProcess) -> None:
    """Kill a replica, with all it has started, once it has started to validate."""
    (master,) = [each for each in psutil.Process().children()
                 if each.environ().get("PORT") == str(replica.port)]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any("model_admin.validation.child" in each.cmdline()
                  for each in master.children(recursive=True)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for each in [*master.children(recursive=True), master]:
        each.kill()

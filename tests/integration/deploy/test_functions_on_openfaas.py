"""The three functions behind OpenFaaS, with the edge before it: the paths that users know."""
from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common.config import Settings
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from imgclass.client import Client, ProblemError
from imgclass.embedded.gateway import Gateway
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import Ports
from imgclass.embedded.process import Processes
from tests import pictures, tokens
from tests.databases import environment_of, query, temporary_database
from tests.function_process import ROOT, Answer, Connection, FunctionProcess, form
from tests.integration.deploy.openfaas_gateway import openfaas_gateway
from tests.tiny_rollout import activate

if TYPE_CHECKING:  # it imports tensorflow, which need not be there to collect tests
    from tests.tiny_model import TinyModel

NAMES = ("predict", "history", "model-admin")
USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")
EVENTS_TOKEN = "the machines' token"
BODY_LIMIT = 200_000
FORM = "multipart/form-data; boundary=limit"
PATIENCE_SECONDS = 30
# What deploy/gateway is given as FUNCTION_PATH (deploy/openfaas/README.md).
FUNCTION_PATH = "/function/$function"


@dataclass
class Deployment:
    """The functions, OpenFaaS before them, and the edge before that; `environment` is theirs."""

    functions: dict[str, FunctionProcess]
    gateway: str
    edge: str
    settings: Settings
    environment: dict[str, str]

    def paths(self, name: str) -> list[str]:
        """Where a function's API is: at OpenFaaS' gateway, and at the edge, at two paths."""
        return [f"{self.gateway}/function/{name}", f"{self.edge}/function/{name}", self.edge]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    from tests.tiny_model import TinyModel

    return TinyModel(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def deployment(
    servers: Settings, template: str, tiny: TinyModel, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("openfaas")
    layout = Layout(ROOT, folder / "var")
    layout.prepare()
    with ExitStack() as stack:
        own = replace(
            stack.enter_context(temporary_database(servers, template)),
            minio_bucket_name=f"images-{uuid.uuid4()}",
            models_bucket_name=f"models-{uuid.uuid4()}")
        client = s3_client(servers, connections=2)
        for bucket in (own.minio_bucket_name, own.models_bucket_name):
            client.create_bucket(Bucket=bucket)
        activate(own, S3ObjectStore(client, own.models_bucket_name), tiny, "v1")
        environment = {
            **environment_of(own),
            "MINIO_ENDPOINT": own.minio_endpoint, "MINIO_ACCESS_KEY": own.minio_access_key,
            "MINIO_SECRET_KEY": own.minio_secret_key, "EVENTS_TOKEN": EVENTS_TOKEN,
            "MINIO_BUCKET_NAME": own.minio_bucket_name,
            "MODELS_BUCKET_NAME": own.models_bucket_name,
            "LOG_DIR": str(folder / "logs"), "MODEL_CACHE_DIR": str(folder / "cache"),
            "MODEL_POLL_SECONDS": "0.2", "MAX_BODY_BYTES": str(BODY_LIMIT),
            # As deploy/openfaas/stack.pro.yml has it, where predict sleeps in between.
            "SWEEP_SECONDS": "0", "CRON_SECONDS": "0.1"}
        functions = {name: stack.enter_context(FunctionProcess(
            "handler:app", ROOT / "functions" / name, environment)) for name in NAMES}
        gateway = stack.enter_context(openfaas_gateway(
            {name: f"{each.host}:{each.port}" for name, each in functions.items()}))
        processes = Processes(layout.run, layout.logs)
        stack.callback(processes.stop, ["gateway"])
        edge = Gateway(
            layout, processes, "127.0.0.1", Ports(layout.ports).settle(False, "gateway"),
            os.defpath, dict.fromkeys(NAMES, gateway.removeprefix("http://")),
            {"MAX_BODY_BYTES": str(2 * BODY_LIMIT), "MAX_MODEL_BYTES": str(2 * BODY_LIMIT)},
            FUNCTION_PATH)
        edge.start()
        functions["predict"].wait_for("/_/ready")
        yield Deployment(functions, gateway, edge.url, own, environment)


@pytest.mark.parametrize("way", range(3))
def test_main_job(deployment: Deployment, way: int) -> None:
    """A picture is classified, found again and given back, at each path the API has."""
    token = tokens.hs256(USER)
    data = pictures.png(60, 40)
    data += os.urandom(BODY_LIMIT - 1000 - len(data))  # all of it must arrive
    with Client(deployment.paths("predict")[way], token) as predict, Client(
            deployment.paths("history")[way], token) as history:
        prediction = predict.predict(data, top_k=3)
        assert prediction.predicted_class in {"cat", "dog", "espresso"}
        lineage = history.prediction(prediction.prediction_id)
        assert lineage.prediction_id == prediction.prediction_id
        assert history.image_content(prediction.image_id) == data
    with Client(deployment.paths("model-admin")[way], tokens.hs256(
            USER, roles=["admin"])) as admin:
        assert [model.version for model in admin.models()] == ["v1"]


@pytest.mark.parametrize("way", range(3))
def test_too_large(deployment: Deployment, way: int) -> None:
    """A picture over the function's limit is refused by the function, at each path."""
    with Client(deployment.paths("predict")[way], tokens.hs256(USER)) as client:
        with pytest.raises(ProblemError) as refused:
            client.predict(bytes(BODY_LIMIT))
    assert refused.value.status == 413
    assert refused.value.type == "urn:imgclass:problem:payload-too-large"


@pytest.mark.parametrize("path", [
    "/function/predict/metrics", "/function/predict/_/ready", "/function/predict/events/drain",
    "/function/predict", "/function/predict/", "/function/predict.openfaas-fn/health",
    "/system/functions", "/metrics", "/_/health", "/events/storage", "/ui/"])
def test_edge_opens_nothing_else(deployment: Deployment, path: str) -> None:
    """Neither what machines use nor OpenFaaS itself can be reached through the edge."""
    assert get(deployment.edge, path).status == 404


def test_edge_leads_to_the_console(deployment: Deployment) -> None:
    """Who asks for nothing in particular is sent to the console, and not to OpenFaaS."""
    answer = get(deployment.edge, "/")
    assert (answer.status, answer.headers["Location"]) == (302, "/console/")


@pytest.mark.parametrize("name", NAMES)
def test_health(deployment: Deployment, name: str) -> None:
    """Each function keeps OpenFaaS' contract, and its health is open at the edge."""
    for path in ("/_/health", "/_/ready"):
        assert get(deployment.gateway, f"/function/{name}{path}").status == 200
    assert get(deployment.edge, f"/function/{name}/health").status == 200


def test_call_id(deployment: Deployment) -> None:
    """The name of a call is on the answer and with the prediction."""
    parts = deployment.gateway.removeprefix("http://").split(":")
    body = form("limit", {"user_id": str(USER)}, pictures.png(60, 40))
    with Connection(parts[0], int(parts[1])) as connection:
        connection.send_head("/function/predict/api/v1/predict", {
            **tokens.bearer(USER), "Content-Type": FORM, "Content-Length": str(len(body)),
            "X-Call-Id": "call-7"})
        connection.send(body)
        answer = connection.answer()
    assert answer is not None and answer.status == 200
    assert answer.headers["X-Request-Id"] == "call-7"
    (row,) = query(deployment.settings, "SELECT request_id FROM predictions WHERE prediction_id "
                   "= %s", answer.json()["prediction_id"])
    assert row["request_id"] == "call-7"


def test_events_with_their_token(deployment: Deployment) -> None:
    """The store's webhook reaches predict through the gateway, and needs its own token."""
    path = "/function/predict/events/storage"
    assert post(deployment.gateway, path, tokens.bearer(USER)).status == 401
    answer = post(deployment.gateway, path, {"Authorization": f"Bearer {EVENTS_TOKEN}"})
    assert (answer.status, answer.json()["new"]) == (202, 0)


def test_cron_connector(deployment: Deployment) -> None:
    """What cron-connector sends finds an upload that nothing announced, and has it classified."""
    query(deployment.settings, "INSERT INTO users VALUES (%s, %s) ON CONFLICT DO NOTHING",
          USER, "ada@example.org")
    store = S3ObjectStore(
        s3_client(deployment.settings, connections=1), deployment.settings.minio_bucket_name)
    store.put(f"uploads/{USER}/{uuid.uuid4()}.png", pictures.png(60, 40), "image/png")
    count = "SELECT count(*) AS n FROM storage_events WHERE state = 'done'"
    assert query(deployment.settings, count) == [{"n": 0}]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while query(deployment.settings, count) != [{"n": 1}]:
        assert time.monotonic() < deadline
        answer = post(deployment.gateway, "/function/predict.openfaas-fn", {
            "X-Topic": "cron-function", "X-Connector": "cron-connector"})
        assert answer.status == 200
        time.sleep(0.1)


def test_end_in_the_middle_of_a_picture(deployment: Deployment, tmp_path: Path) -> None:
    """Told to end while a picture comes in, predict takes it in to the end and answers."""
    picture = pictures.png(60, 40)
    body = form("limit", {"user_id": str(USER)}, picture + bytes(BODY_LIMIT // 2))
    half = len(body) // 2
    process = FunctionProcess(
        "handler:app", ROOT / "functions" / "predict",
        {**deployment.environment, "MODEL_CACHE_DIR": str(tmp_path)})
    with process as predict, openfaas_gateway(
            {"predict": f"{predict.host}:{predict.port}"}) as url:
        predict.wait_for("/_/ready")
        host, _, port = url.removeprefix("http://").rpartition(":")
        with Connection(host, int(port)) as connection:
            connection.send_head("/function/predict/api/v1/predict", {
                **tokens.bearer(USER), "Content-Type": FORM, "Transfer-Encoding": "chunked"})
            connection.send(b"%x\r\n%s\r\n" % (half, body[:half]))
            deadline = time.monotonic() + PATIENCE_SECONDS
            while b"in_progress 2.0" not in predict.get("/metrics").body:
                assert time.monotonic() < deadline
            predict.terminate()
            connection.send_chunks([body[half:]])
            answer = connection.answer()
        assert answer is not None and answer.status == 200, answer
        predict.wait()
    assert process.exit_status == 0


def get(url: str, path: str) -> Answer:
    return _ask(url, path, "GET", tokens.bearer(USER))


def post(url: str, path: str, headers: dict[str, str]) -> Answer:
    return _ask(url, path, "POST", {**headers, "Content-Length": "0"})


def _ask(url: str, path: str, method: str, headers: dict[str, str]) -> Answer:
    host, _, port = url.removeprefix("http://").rpartition(":")
    with Connection(host, int(port)) as connection:
        connection.send_head(path, headers, method)
        answer = connection.answer()
    assert answer is not None
    return answer

"""predict as it runs in production: gunicorn, PostgreSQL, S3 and a real, tiny model."""
from __future__ import annotations

import hashlib
import json
import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests import pictures, tokens
from tests.contracts.object_store import read
from tests.databases import query
from tests.function_process import form
from tests.integration.predict.conftest import BODY_LIMIT, FORM, USER, Running
from tests.waiting import wait_until

if TYPE_CHECKING:  # it imports tensorflow, which need not be there to collect tests
    from tests.tiny_model import TinyModel


def test_not_ready_without_a_model(running: Running) -> None:
    """Before a model is active the function is alive, not ready, and says why."""
    query(running.settings, "DELETE FROM model_versions")
    running.process.wait_for("/_/ready", 503)
    assert running.process.get("/health").status == 200
    deadline = time.monotonic() + 10
    while "model: No model is active." not in (
            answer := running.process.get("/_/ready")).json()["detail"]:
        assert time.monotonic() < deadline, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Retry-After" in answer.headers
    assert running.post(pictures.jpeg(60, 40)).status == 503


def test_classify(ready: Running, tiny: TinyModel) -> None:
    """A picture is classified; the bucket has its bytes, the tables its lineage."""
    data = pictures.jpeg(300, 200)
    answer = ready.post(data, top_k="3")
    assert answer.status == 200, answer
    assert answer.headers["X-Model-Version"] == "v1"
    body = answer.json()
    (row,) = query(ready.settings, """
        SELECT prediction_id::text, i.image_id::text, predicted_class, confidence_score,
               prediction_time_ms, top_k, object_key, sha256, filename, width, height,
               u.user_id::text, email, engine, model_version, request_id
        FROM predictions p JOIN images i USING (image_id) JOIN users u ON u.user_id = i.user_id
    """)
    for field in ("prediction_id", "image_id", "predicted_class", "confidence_score",
                  "prediction_time_ms", "top_k"):
        assert body[field] == row[field]
    assert [each["class"] for each in body["top_k"]] != []
    assert {each["class"] for each in body["top_k"]} == {"cat", "dog", "espresso"}
    assert sum(each["confidence"] for each in body["top_k"]) == pytest.approx(1, abs=1e-5)
    assert read(ready.pictures, row["object_key"]) == data
    assert bytes(row["sha256"]) == hashlib.sha256(data).digest()
    assert (row["filename"], row["width"], row["height"]) == ("cup.jpg", 300, 200)
    assert (row["user_id"], row["email"]) == (str(USER), f"{USER}@example.org")
    assert (row["engine"], row["model_version"]) == ("litert", "v1")
    assert row["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(("size", "status"), [
    (BODY_LIMIT - 1000, 415), (BODY_LIMIT, 413), (BODY_LIMIT + BODY_LIMIT // 2, 413)])
@pytest.mark.parametrize("chunked", [True, False])
def test_body_limit(ready: Running, size: int, status: int, chunked: bool) -> None:
    """Over the limit the answer is 413, chunked or not, and nothing is stored."""
    body = form("limit", {"user_id": str(USER)}, bytes(size))
    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
    with ready.process.connect() as connection:
        connection.send_head("/api/v1/predict", {
            **tokens.bearer(USER), "Content-Type": FORM, **length})
        if chunked:
            connection.send_chunks(body[at:at + 8192] for at in range(0, len(body), 8192))
        else:
            connection.send(body)
        answer = connection.answer()
    assert answer is not None and answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ready.counts() == (0, 0)


def test_chunked_picture_arrives_whole(ready: Running) -> None:
    """A chunked picture just below the limit is stored to the last byte."""
    data = pictures.png(60, 40)
    data += os.urandom(BODY_LIMIT - 500 - len(data))  # decoders stop at the end of the picture
    body = form("limit", {"user_id": str(USER)}, data)
    with ready.process.connect() as connection:
        connection.send_head("/api/v1/predict", {
            **tokens.bearer(USER), "Content-Type": FORM, "Transfer-Encoding": "chunked"})
        connection.send_chunks(body[at:at + 5000] for at in range(0, len(body), 5000))
        answer = connection.answer()
    assert answer is not None and answer.status == 200
    (row,) = query(ready.settings, "SELECT object_key, size_bytes FROM images")
    assert row["size_bytes"] == len(data)
    assert read(ready.pictures, row["object_key"]) == data


def test_swap_without_a_failed_request(ready: Running, tiny: TinyModel) -> None:
    """While models are swapped back and forth, every request is answered by one of them."""
    done = threading.Event()

    def send(_number: int) -> list[tuple[int, str]]:
        seen = []
        while not done.is_set():
            answer = ready.post(pictures.jpeg(60, 40))
            seen.append((answer.status, answer.headers.get("X-Model-Version", "")))
        return seen

    with ThreadPoolExecutor(3) as threads:
        senders = [threads.submit(send, number) for number in range(3)]
        try:
            for version in ("v2", "v3", "v4"):
                ready.activate(tiny, version)
                deadline = time.monotonic() + 20
                while ready.post(pictures.jpeg(60, 40)).headers["X-Model-Version"] != version:
                    assert time.monotonic() < deadline
        finally:
            done.set()
        answers = [each for sender in senders for each in sender.result()]
    assert {status for status, _ in answers} == {200}
    assert {version for _, version in answers} >= {"v2", "v3"}


def test_many_at_once(ready: Running) -> None:
    """More requests than threads are all answered, for users nobody has seen before."""
    users = [uuid.uuid4() for _ in range(3)]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(
            lambda number: ready.post(pictures.jpeg(60, 40), users[number % 3]), range(48)))
    assert [answer.status for answer in answers] == [200] * 48
    assert ready.counts() == (48, 48)


def test_database_cut(ready: Running) -> None:
    """While the database cannot be written the answer is 503, and no object stays behind."""
    ready.database_proxy.cut_before(b"INSERT INTO predictions")
    answer = ready.post(pictures.jpeg(60, 40))
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "psycopg2" not in answer.body.decode()
    deadline = time.monotonic() + 10
    while ready.counts() != (0, 0):
        assert time.monotonic() < deadline, ready.counts()
    ready.database_proxy.heal()
    assert ready.post(pictures.jpeg(60, 40)).status == 200


def test_commit_lost(ready: Running) -> None:
    """If the row may have been stored, its object stays, and nobody is told to repeat."""
    ready.database_proxy.cut_after(b"COMMIT")
    answer = ready.post(pictures.jpeg(60, 40))
    ready.database_proxy.heal()
    assert answer.status == 503
    assert answer.json()["type"] == "urn:imgclass:problem:commit-unknown"
    assert "Retry-After" not in answer.headers
    time.sleep(0.3)  # long enough for an object to be taken back
    assert ready.counts() == (1, 1)


def test_store_cut(ready: Running) -> None:
    """While the store cannot be written the answer is 503, and no row is written."""
    ready.store_proxy.cut_before(b"PUT /")
    answer = ready.post(pictures.jpeg(60, 40))
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "boto" not in answer.body.decode()
    ready.store_proxy.heal()
    assert ready.counts() == (0, 0)
    assert ready.post(pictures.jpeg(60, 40)).status == 200
    assert ready.counts() == (1, 1)


def test_readiness_names_what_is_down(ready: Running) -> None:
    """The parts that do not answer are named; afterwards the function is ready again."""
    ready.store_proxy.cut_before(b"GET /")
    answer = ready.process.get("/_/ready")
    assert answer.status == 503
    assert "object store: " in answer.json()["detail"]
    assert "database" not in answer.json()["detail"]
    ready.store_proxy.heal()
    ready.process.wait_for("/_/ready")


def test_metrics(ready: Running) -> None:
    """What was done can be scraped."""
    ready.post(pictures.jpeg(60, 40))
    metrics = ready.process.get("/metrics").body.decode()
    assert 'imgclass_predictions_total{model_version="v1"}' in metrics
    assert 'imgclass_model_info{' in metrics
    assert 'route="/api/v1/predict",status="200"' in metrics


def test_logs(ready: Running) -> None:
    """Each request leaves a line with its id in the log file."""
    answer = ready.post(pictures.jpeg(60, 40))
    path = Path(ready.process.environ["LOG_DIR"]) / "predict.jsonl"
    wait_until(lambda: answer.headers["X-Request-Id"] in path.read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    (line,) = (line for line in lines if line["message"] == "request"
               and line.get("request_id") == answer.headers["X-Request-Id"])
    assert (line["path"], line["status"], line["user_id"]) == ("/api/v1/predict", 200, str(USER))
    assert line["function"] == "predict"


def test_no_tensorflow(ready: Running) -> None:
    """The process that serves the twin has not loaded TensorFlow."""
    maps = Path(f"/proc/{ready.process.worker()}/maps").read_text(encoding="utf-8")
    assert "ai_edge_litert" in maps
    assert "/tensorflow/" not in maps


def test_model_without_a_twin(ready: Running, tiny: TinyModel) -> None:
    """A model that has no twin is served by TensorFlow."""
    ready.activate(tiny, "v9", twin=False)
    deadline = time.monotonic() + 60
    while (answer := ready.post(pictures.jpeg(60, 40))).headers["X-Model-Version"] != "v9":
        assert time.monotonic() < deadline
        assert answer.status == 200
    rows = query(ready.settings, "SELECT engine, twin_digest FROM predictions "
                                 "WHERE model_version = 'v9'")
    assert rows[0] == {"engine": "tensorflow", "twin_digest": None}


def test_upload(ready: Running) -> None:
    """A form that the function has signed is taken by the store, and the upload is kept."""
    base, headers = f"http://{ready.process.host}:{ready.process.port}", tokens.bearer(USER)
    asked = httpx.post(
        f"{base}/api/v1/uploads", headers=headers, timeout=30,
        json={"filename": "cup.png", "content_type": "image/png"})
    form, picture = asked.json(), pictures.png(60, 40)
    stored = httpx.post(
        form["url"], data=form["fields"], files={"file": ("cup.png", picture)}, timeout=30)
    assert (asked.status_code, stored.is_success) == (201, True)
    assert read(ready.pictures, form["object_key"]) == picture
    shown = ready.process.get(asked.headers["Location"], headers)
    assert (shown.status, shown.json()["object_key"]) == (200, form["object_key"])
    strange = ready.process.get(asked.headers["Location"], tokens.bearer(uuid.uuid4()))
    assert strange.status == 404

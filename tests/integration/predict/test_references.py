"""Stored pictures classified anew, before real servers and a real, tiny model."""
from __future__ import annotations

import time
import uuid

import httpx

from tests import pictures, tokens
from tests.databases import query
from tests.integration.predict.conftest import USER, Running
from tests.tiny_model import TinyModel


def refer(running: Running, image_id: str) -> httpx.Response:
    """Name a picture."""
    return httpx.post(
        f"http://{running.process.host}:{running.process.port}/api/v1/predict", timeout=30,
        json={"image_id": image_id}, headers=tokens.bearer(USER))


def test_by_the_next_model(ready: Running, tiny: TinyModel) -> None:
    """A stored picture gets a prediction of the model that answers now; it stays one picture."""
    first = ready.post(pictures.jpeg(60, 40)).json()
    ready.activate(tiny, "v2")
    deadline = time.monotonic() + 20
    while (answer := refer(ready, first["image_id"])).headers["X-Model-Version"] != "v2":
        assert answer.status_code == 200 and time.monotonic() < deadline, answer.text
    assert answer.json()["image_id"] == first["image_id"]
    assert answer.json()["confidence_score"] == first["confidence_score"]
    assert ready.counts() == (1, 1)
    rows = query(ready.settings, """
        SELECT prediction_id::text, model_version, user_id, request_id, source
        FROM predictions ORDER BY created_at""")
    assert rows[-1] == {
        "prediction_id": answer.json()["prediction_id"], "model_version": "v2",
        "user_id": USER, "request_id": answer.headers["X-Request-Id"], "source": "http"}


def test_absent(ready: Running) -> None:
    """A picture that is not there, or whose object is not, is not found."""
    assert refer(ready, str(uuid.uuid4())).status_code == 404
    image_id = ready.post(pictures.jpeg(60, 40)).json()["image_id"]
    (row,) = query(ready.settings, "SELECT object_key FROM images")
    ready.pictures.delete(row["object_key"])
    assert refer(ready, image_id).status_code == 404
    query(ready.settings, "UPDATE images SET object_key = %s", "never/" + "x" * 300)
    assert refer(ready, image_id).status_code == 404

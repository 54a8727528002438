"""Batches before real servers and a real, tiny model."""
from __future__ import annotations

import httpx

from tests import pictures, tokens
from tests.contracts.object_store import read
from tests.databases import query
from tests.integration.predict.conftest import BODY_LIMIT, USER, Running


def send(running: Running, *files: bytes, **headers: str) -> httpx.Response:
    """Send a batch of pictures."""
    return httpx.post(
        f"http://{running.process.host}:{running.process.port}/api/v1/predict/batch",
        data={"user_id": str(USER)}, timeout=30,
        files=[("file", (f"{number}.jpg", each)) for number, each in enumerate(files)],
        headers={**tokens.bearer(USER), **headers})


def test_batch(ready: Running) -> None:
    """32 pictures, longer together than one may be, are stored with lineage and found again."""
    sent = [pictures.jpeg(60 + number, 40) + bytes(BODY_LIMIT // 16) for number in range(32)]
    sent[5] = b"no picture"
    answer = send(ready, *sent)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [each.get("status", 200) for each in results] == [200] * 5 + [415] + [200] * 26
    rows = {row["prediction_id"]: row for row in query(ready.settings, """
        SELECT prediction_id::text, object_key, width, filename, engine, p.model_version,
               model_digest, request_id, predicted_class
        FROM predictions p JOIN images USING (image_id)""")}
    assert len(rows) == 31
    for number, each in enumerate(results):
        if "prediction_id" in each:
            row = rows[each["prediction_id"]]
            assert (row["width"], row["filename"]) == (60 + number, f"{number}.jpg")
            assert read(ready.pictures, row["object_key"]) == sent[number]
            assert (row["engine"], row["model_version"]) == ("litert", each["model_version"])
            assert row["request_id"] == answer.headers["X-Request-Id"]
            assert row["predicted_class"] == each["predicted_class"] and row["model_digest"]


def test_repeated(ready: Running) -> None:
    """A batch sent again with its key is answered from what was recorded."""
    sent = [pictures.jpeg(60 + number, 40) for number in range(4)]
    first, again = (
        send(ready, *sent, **{"Idempotency-Key": "b"}).json()["results"] for _ in range(2))
    assert again == [{**each, "replayed": True} for each in first]
    assert ready.counts() == (4, 4)

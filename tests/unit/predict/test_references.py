"""POST /api/v1/predict with the id of a stored picture: one more prediction of the same image."""
from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from predict.repository import PredictionRecord
from tests import pictures, tokens
from tests.fakes.models import FixedLineup, fake_model
from tests.unit.predict.conftest import BODY_LIMIT, USER, Function, assert_problem

PICTURE = pictures.png(60, 40)


def refer(
    function: Function, headers: dict[str, str] | None = None, **body: Any
) -> TestResponse:
    """Send a reference as JSON."""
    return function.client.post(
        "/api/v1/predict", json=body, headers={**tokens.bearer(USER), **(headers or {})})


@pytest.fixture
def image_id(function: Function) -> str:
    """A picture that the user sent, which v1 answered; now v2 does."""
    sent: str = function.post(PICTURE).json["image_id"]
    function.models.current = FixedLineup(
        fake_model(version="v2", labels=["night", "day", "dusk"])).current
    function.repository.models.add("v2")
    return sent


def records(function: Function) -> list[PredictionRecord]:
    return [*function.repository.predictions.values()]


def test_answer(function: Function, image_id: str) -> None:
    """The model that answers now classifies it; no object is written, nor a second image."""
    objects = dict(function.store.objects)
    answer = refer(function, image_id=image_id, top_k=2, headers={"X-Request-Id": "again"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Model-Version"] == "v2"
    body = answer.json
    assert (body["image_id"], body["predicted_class"]) == (image_id, "night")
    assert [each["class"] for each in body["top_k"]] == ["night", "day"]
    first, second = records(function)
    assert second == replace(
        first, model_version="v2", predicted_class="night", request_id="again", email=None,
        prediction_time_ms=second.prediction_time_ms, top_k=second.top_k)
    assert function.store.objects == objects
    assert uuid.UUID(body["prediction_id"]) == [*function.repository.predictions][1]


def test_failure_leaves_the_object(function: Function, image_id: str) -> None:
    """Whatever goes wrong, the stored picture is not taken back."""
    function.repository.models.discard("v2")
    assert_problem(refer(function, image_id=image_id), 409, "conflict")
    function.close()
    assert len(function.store.objects) == 1


def test_another_user(function: Function, image_id: str) -> None:
    """Another user's picture does not exist; naming its owner is forbidden."""
    other = tokens.bearer(uuid.uuid4())
    assert_problem(refer(function, other, image_id=image_id), 404, "not-found")
    named = refer(function, other, image_id=image_id, user_id=str(USER))
    assert_problem(named, 403, "forbidden")


def test_administrator(function: Function, image_id: str) -> None:
    """An administrator may name anybody's picture, and then it stays its owner's."""
    admin = tokens.bearer(uuid.uuid4(), roles=["admin"])
    for more in ({}, {"user_id": str(USER)}, {"user_id": None}):
        assert refer(function, admin, image_id=image_id, **more).status_code == 200
    assert {record.user_id for record in records(function)} == {USER}
    strange = refer(function, admin, image_id=image_id, user_id=str(uuid.uuid4()))
    assert_problem(strange, 404, "not-found")


def test_absent(function: Function, image_id: str) -> None:
    """A picture that never was, or whose object is gone, is not found."""
    assert_problem(refer(function, image_id=str(uuid.uuid4())), 404, "not-found")
    function.store.objects.clear()
    assert_problem(refer(function, image_id=image_id), 404, "not-found")
    assert len(records(function)) == 1


def test_other_object(function: Function, image_id: str) -> None:
    """What is stored in the place of the picture is not taken for it, however long it is."""
    (key,) = function.store.objects
    for data in (pictures.png(61, 40), PICTURE + b"x", bytes(BODY_LIMIT)):
        function.store.objects[key] = (data, "image/png")
        assert_problem(refer(function, image_id=image_id), 409, "conflict")
    assert len(records(function)) == 1


def test_larger_than_allowed_by_now(function: Function, image_id: str) -> None:
    """A picture that is longer than a request may be is not fetched."""
    (prediction_id,) = function.repository.predictions
    function.repository.predictions[prediction_id] = replace(
        records(function)[0], size_bytes=BODY_LIMIT + 1)
    assert_problem(refer(function, image_id=image_id), 413, "payload-too-large")


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'"x"', b"{}", b'{"top_k": 1}', b"[" * 100_000, b"\xff",
])
def test_no_reference(function: Function, body: bytes) -> None:
    """What is no JSON object with an image_id is a bad request."""
    answer = function.client.post("/api/v1/predict", data=body, content_type="application/json",
                                  headers=tokens.bearer(USER))
    assert_problem(answer, 400, "invalid-request")
    assert "image_id" in answer.json["detail"]


@pytest.mark.parametrize("field, value", [
    ("image_id", "x"), ("image_id", None), ("image_id", 7), ("image_id", [1]),
    ("user_id", "x"), ("user_id", 1), ("user_id", {}),
    ("top_k", 0), ("top_k", 101), ("top_k", "3"), ("top_k", 1.0), ("top_k", True),
])
def test_unacceptable_value(
    function: Function, image_id: str, field: str, value: object
) -> None:
    """A value that is none is named."""
    answer = refer(function, **{"image_id": image_id, field: value})
    assert_problem(answer, 422, "invalid-value")
    assert field in answer.json["detail"]


def test_repeated(function: Function, image_id: str) -> None:
    """With its key a reference is answered once, and a picture with the key is another request."""
    headers = {"Idempotency-Key": "7"}
    first, again = (refer(function, headers, image_id=image_id) for _ in range(2))
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(records(function)) == 2
    assert_problem(refer(function, headers, image_id=image_id, top_k=1), 409, "key-reused")
    assert_problem(function.post(PICTURE, headers=headers), 409, "key-reused")

"""POST /api/v1/predict/batch: an answer or a problem for each picture, whatever the others are."""
from __future__ import annotations

import uuid
from collections import Counter
from threading import Barrier

import pytest

from predict.batch.service import MAX_PICTURES
from tests import pictures, tokens
from tests.unit.predict.conftest import (
    BATCH_LIMIT, BODY_LIMIT, BUDGET, USER, Function, assert_problem)

DARK, BRIGHT = pictures.png(60, 40), pictures.encode(
    pictures.Image.new("RGB", (60, 40), "white"), "PNG")


def test_answers(function: Function) -> None:
    """Every picture is answered in its place, stored and recorded with all a single one has."""
    headers = {**tokens.bearer(USER, email="new@example.org"), "X-Request-Id": "id-7"}
    answer = function.post_batch(DARK, BRIGHT, headers=headers)
    assert answer.status_code == 200, answer.text
    results = answer.json["results"]
    assert [each["predicted_class"] for each in results] == ["dark", "bright"]
    for number, each in enumerate(results):
        assert list(each) == ["prediction_id", "image_id", "predicted_class", "confidence_score",
                              "prediction_time_ms", "model_version", "replayed"]
        assert (each["model_version"], each["replayed"]) == ("v1", False)
        record = function.repository.predictions[uuid.UUID(each["prediction_id"])]
        assert str(record.image_id) == each["image_id"]
        assert (record.filename, record.source) == (f"cup{number}", "http")
        assert (record.user_id, record.email) == (USER, "new@example.org")
        assert record.request_id == "id-7"
        assert function.store.objects[record.object_key][0] == (DARK, BRIGHT)[number]


def test_bad_pictures_among_good_ones(function: Function) -> None:
    """What is wrong with a picture is told in its place, as it would be told of it alone."""
    bad = {
        1: (b"hello", 415, "unsupported-media"), 2: (DARK[:200], 422, "broken-picture"),
        4: (pictures.png_header(2000, 2000), 413, "payload-too-large"),
        5: (bytes(BODY_LIMIT + 1), 413, "payload-too-large"), 6: (b"", 415, "unsupported-media")}
    answer = function.post_batch(*(bad.get(number, (DARK,))[0] for number in range(8)))
    assert answer.status_code == 200
    assert len(answer.json["results"]) == 8
    for number, each in enumerate(answer.json["results"]):
        if number not in bad:
            assert each["predicted_class"] == "dark"
            continue
        assert list(each) == ["type", "title", "status", "detail", "instance", "request_id"]
        assert (each["status"], each["type"]) == (
            bad[number][1], f"urn:imgclass:problem:{bad[number][2]}")
        assert each["request_id"] == answer.headers["X-Request-Id"]
    assert len(function.repository.predictions) == len(function.store.objects) == 3


def test_unforeseen_failure(function: Function) -> None:
    """What nobody foresaw spoils one picture, of which nothing internal is told."""
    seen = iter(range(3))

    def fail_once() -> None:
        if next(seen) == 1:
            raise RuntimeError("secret")

    function.models.before = fail_once
    answer = function.post_batch(DARK, DARK, DARK)
    statuses = Counter(each.get("status", 200) for each in answer.json["results"])
    assert (answer.status_code, statuses) == (200, {200: 2, 500: 1})
    assert "secret" not in answer.text


def test_top_k(function: Function) -> None:
    """The number of classes asked for holds for all."""
    results = function.post_batch(DARK, BRIGHT, top_k="2").json["results"]
    assert [len(each["top_k"]) for each in results] == [2, 2]


def test_side_by_side(function: Function) -> None:
    """Two pictures are classified at once, where there are two threads for it."""
    together = Barrier(2, timeout=10)
    function.models.before = together.wait
    assert [each["predicted_class"] for each in function.post_batch(DARK, DARK).json["results"]]


@pytest.mark.parametrize(("count", "status"), [(MAX_PICTURES, 200), (MAX_PICTURES + 1, 413)])
def test_number_of_pictures(function: Function, count: int, status: int) -> None:
    """Up to 32 pictures are taken; of more, none."""
    answer = function.post_batch(*[DARK] * count)
    assert answer.status_code == status
    assert len(function.repository.predictions) == (count if status == 200 else 0)


def test_no_picture(function: Function) -> None:
    """A batch of nothing is a bad request that names the missing field."""
    answer = function.post_batch()
    assert_problem(answer, 400, "invalid-request")
    assert "file" in answer.json["detail"]


def test_refused_as_a_whole(function: Function) -> None:
    """What is wrong with the request itself refuses all of it, before anything is stored."""
    for fields, status, kind in (
            ({"user_id": ""}, 400, "invalid-request"), ({"top_k": "0"}, 422, "invalid-value"),
            ({"user_id": str(uuid.uuid4())}, 403, "forbidden")):
        assert_problem(function.post_batch(DARK, **fields), status, kind)
    bad_key = {"Idempotency-Key": "with space"}
    assert_problem(function.post_batch(DARK, headers=bad_key), 400, "invalid-request")
    assert_problem(
        function.post_batch(DARK, headers={"Authorization": ""}), 401, "unauthenticated")
    assert function.store.objects == {}


def test_body_limit(function: Function) -> None:
    """All pictures together may be longer than a single one, and have a limit of their own."""
    assert function.post_batch(*[DARK + bytes(BODY_LIMIT // 2)] * 4).status_code == 200
    assert_problem(function.post_batch(bytes(BATCH_LIMIT)), 413, "payload-too-large")


def test_repeated(function: Function) -> None:
    """With its key a batch is answered once; what had a problem is tried again."""
    headers = {"Idempotency-Key": "7"}
    first = function.post_batch(DARK, b"hello", BRIGHT, headers=headers).json["results"]
    again = function.post_batch(DARK, b"hello", BRIGHT, headers=headers).json["results"]
    for number in (0, 2):
        assert again[number] == {**first[number], "replayed": True}
    assert again[1]["status"] == 415
    assert len(function.repository.predictions) == 2


def test_same_picture_twice(function: Function) -> None:
    """A key does not make one of two equal pictures: each place has an answer of its own."""
    headers = {"Idempotency-Key": "7"}
    one, other = function.post_batch(DARK, DARK, headers=headers).json["results"]
    assert one["prediction_id"] != other["prediction_id"]


def test_key_of_another_batch(function: Function) -> None:
    """A key that was sent with another picture in a place is refused there, and only there."""
    headers = {"Idempotency-Key": "7"}
    function.post_batch(DARK, DARK, headers=headers)
    kept, refused, new = function.post_batch(
        DARK, BRIGHT, BRIGHT, headers=headers).json["results"]
    assert (kept["replayed"], new["replayed"]) == (True, False)
    assert (refused["status"], refused["type"]) == (409, "urn:imgclass:problem:key-reused")


def test_key_of_a_single_picture(function: Function) -> None:
    """No key of a single picture is that of a place in a batch."""
    function.post_batch(DARK, headers={"Idempotency-Key": "7"})
    for key in ("7", "7/0"):
        answer = function.post(BRIGHT, headers={"Idempotency-Key": key})
        assert answer.status_code == 200 and "Idempotency-Replayed" not in answer.headers


def test_each_picture_counts(function: Function) -> None:
    """A batch uses as much of its sender's budget as its pictures would one by one."""
    answer = function.post_batch(*[DARK] * 30)
    assert f'r={BUDGET - 30};' in answer.headers["RateLimit"]
    for _ in range(2):
        assert function.post_batch(*[DARK] * 30).status_code == 200
    assert_problem(function.post_batch(*[DARK] * 30), 429, "too-many-requests")
    assert len(function.repository.predictions) == 90


def test_outage(function: Function) -> None:
    """While nothing can be stored, each picture has the problem that says so."""
    function.store.down = True
    answer = function.post_batch(DARK, DARK)
    assert [each["status"] for each in answer.json["results"]] == [503, 503]

"""GET /api/v1/predictions and /api/v1/predictions/{id}: parameters, shapes, errors."""
from __future__ import annotations

import base64
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from werkzeug.test import TestResponse

from tests.fakes.history import NOON
from tests.ids import ID
from tests.unit.history.conftest import House

LIST = "/api/v1/predictions"
DAY = timedelta(days=1)


def listed(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["prediction_id"] for one in answer.json["predictions"]]


def refused(answer: TestResponse, status: int) -> str:
    """The detail of a problem."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    detail: str = answer.json["detail"]
    return detail


def test_shape(house: House) -> None:
    """A page has the fields of the interface and no others, its rows too."""
    row = house.predicted()
    answer = house.get(LIST)
    assert answer.mimetype == "application/json"
    assert list(answer.json) == ["predictions", "total", "page", "limit", "next_cursor"]
    assert answer.json == {
        "predictions": [{
            "prediction_id": str(row["prediction_id"]),
            "image_id": str(row["image_id"]),
            "predicted_class": "espresso",
            "confidence_score": 0.9375,
            "created_at": "2026-01-31T12:00:00Z",
        }],
        "total": 1, "page": 1, "limit": 20, "next_cursor": None,
    }


def test_empty_history(house: House) -> None:
    """A user nobody has seen yet has an empty history, not none."""
    answer = house.get(LIST)
    assert (answer.status_code, answer.json["predictions"], answer.json["total"]) == (200, [], 0)


def test_defaults(house: House) -> None:
    """Without parameters the twenty newest are shown."""
    rows = [house.predicted(created_at=NOON + timedelta(seconds=age)) for age in range(25)]
    answer = house.get(LIST)
    assert listed(answer) == [str(row["prediction_id"]) for row in reversed(rows[5:])]
    assert answer.json["total"] == 25


@pytest.mark.parametrize(("page", "limit", "count"), [
    (1, 1, 1), (1, 100, 25), (3, 10, 5), (4, 10, 0), (25, 1, 1), (26, 1, 0), (10_000_000, 100, 0)])
def test_page_and_limit(house: House, page: int, limit: int, count: int) -> None:
    """Every page within the bounds is answered, also those behind the last row."""
    for _ in range(25):
        house.predicted()
    answer = house.get(LIST, page=page, limit=limit)
    assert len(listed(answer)) == count
    assert (answer.json["page"], answer.json["limit"]) == (page, limit)
    assert answer.json["total"] == 25


@pytest.mark.parametrize("name", ["page", "limit"])
@pytest.mark.parametrize("text", [
    "", "0", "-1", "+1", " 1", "1.0", "1e1", "0x1", "ten", "null", "٣", "1_0", "9" * 10,
    "9" * 400, "1\n", "1;2"])
def test_malformed_page_and_limit(house: House, name: str, text: str) -> None:
    """What is no whole number from 1 on is refused by name."""
    assert refused(house.get(LIST, **{name: text}), 422).startswith(f"{name} must be a whole")


@pytest.mark.parametrize(("name", "text"), [
    ("limit", "101"), ("limit", "999999999"), ("page", "10000001"), ("page", "999999999")])
def test_page_and_limit_out_of_bounds(house: House, name: str, text: str) -> None:
    """What is beyond the bounds is refused, not cut down in silence."""
    assert refused(house.get(LIST, **{name: text}), 422).startswith(f"{name} must be a whole")


@pytest.mark.parametrize(("name", "text"), [
    ("user_id", ""), ("user_id", "me"), ("user_id", "1"), ("user_id", "x" * 36),
    ("min_confidence", ""), ("min_confidence", "high"), ("min_confidence", "-0.01"),
    ("min_confidence", "1.01"), ("min_confidence", "nan"), ("min_confidence", "inf"),
    ("min_confidence", "-inf"), ("min_confidence", "0,5"), ("min_confidence", "1e400"),
    ("source", ""), ("source", "HTTP"), ("source", "email"),
    ("predicted_class", "x" * 256), ("predicted_class", "a\0b"),
    ("model_version", "x" * 256), ("model_version", "\0"),
    ("from", ""), ("from", "yesterday"), ("from", "2026-13-01"), ("from", "2026-02-30T00:00:00Z"),
    ("from", "2026-01-31T12:00:00+99:00"), ("from", "0001-01-01T00:00:00+23:59"),
    ("from", "9999-12-31T23:59:59-23:59"), ("from", "1769860800"), ("from", "2026-01-31T12Z0"),
    ("to", "now"), ("to", "infinity"),
    ("cursor", "x"), ("cursor", "é"), ("cursor", "\0"), ("cursor", "_" * 9),
    ("cursor", base64.urlsafe_b64encode(b"2026-01-31").decode()),
    ("cursor", base64.urlsafe_b64encode(b"2026-01-31 not-a-uuid").decode()),
    ("cursor", base64.urlsafe_b64encode(f"0001-01-01T00:00:00+23:00 {ID}".encode())
        .decode()),
    ("cursor", base64.urlsafe_b64encode(b"\xff\xff\xff").decode()),
])
def test_malformed_filters(house: House, name: str, text: str) -> None:
    """A filter that means nothing is refused by name: nobody sees the unfiltered list for it."""
    house.predicted()
    assert refused(house.get(LIST, **{name: text}), 422).startswith(f"{name} must ")


def test_filters_reach_the_query(house: House) -> None:
    """Each parameter narrows the list by what its name says."""
    chosen = house.predicted(
        predicted_class="tabby cat", confidence_score=0.75, model_version="v2", source="bucket",
        created_at=NOON + DAY)
    for other in (
        {"predicted_class": "tabby"}, {"confidence_score": 0.74}, {"model_version": "v1"},
        {"source": "http"}, {"created_at": NOON}, {"created_at": NOON + 2 * DAY},
    ):
        house.predicted(**{**chosen, "prediction_id": uuid.uuid4(), **other})
    answer = house.get(LIST, **{
        "predicted_class": "tabby cat", "min_confidence": "0.75", "model_version": "v2",
        "source": "bucket", "from": "2026-02-01T12:00:00Z", "to": "2026-02-02T12:00:00Z"})
    assert listed(answer) == [str(chosen["prediction_id"])]
    assert answer.json["total"] == 1


@pytest.mark.parametrize("text", [
    "2026-01-31T12:00:00Z", "2026-01-31T12:00:00z", "2026-01-31T12:00:00+00:00",
    "2026-01-31T12:00:00", "2026-01-31 12:00", "2026-01-31T13:30:00+01:30",
    "2026-01-30T12:01:00-23:59", "2026-02-01T11:59:00+23:59"])
def test_times(house: House, text: str) -> None:
    """A time may be written with any offset; without one it is UTC."""
    house.predicted(created_at=NOON - timedelta(microseconds=1))
    exactly = house.predicted(created_at=NOON)
    assert listed(house.get(LIST, **{"from": text})) == [str(exactly["prediction_id"])]


def test_a_date_is_its_midnight(house: House) -> None:
    """A day without a time begins at 00:00 UTC."""
    house.predicted(created_at=NOON)
    assert house.get(LIST, **{"from": "2026-01-31"}).json["total"] == 1
    assert house.get(LIST, to="2026-01-31").json["total"] == 0


@pytest.mark.parametrize("confidence", ["0", "1", "0.5", "5e-1", ".5", "1.0"])
def test_confidences(house: House, confidence: str) -> None:
    """Every number from 0 to 1 is a confidence, both ends included."""
    house.predicted(confidence_score=1.0)
    assert house.get(LIST, min_confidence=confidence).json["total"] == 1


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 23, 24, 100])
def test_cursor_pages_equal_numbered_pages(house: House, limit: int) -> None:
    """Following next_cursor shows the same rows in the same order as counting pages."""
    for number in range(23):
        house.predicted(created_at=NOON + timedelta(seconds=number // 4))
    numbered = [found for page in range(1, 24 // limit + 2)
                for found in listed(house.get(LIST, page=page, limit=limit))]
    followed: list[str] = []
    cursor: dict[str, str] = {}
    while cursor is not None:
        answer = house.get(LIST, limit=limit, **cursor)
        followed += listed(answer)
        assert answer.json["total"] == 23
        next_cursor = answer.json["next_cursor"]
        if next_cursor is None:
            break
        cursor = {"cursor": next_cursor}
    assert followed == numbered
    assert len(set(followed)) == 23


def test_cursor_with_filters(house: House) -> None:
    """A cursor continues the filtered list."""
    wanted = [house.predicted(predicted_class="tabby", created_at=NOON + number * DAY)
              for number in range(4)]
    for number in range(4):
        house.predicted(created_at=NOON + number * DAY)
    first = house.get(LIST, limit=2, predicted_class="tabby")
    second = house.get(
        LIST, limit=2, predicted_class="tabby", cursor=first.json["next_cursor"])
    assert listed(first) + listed(second) == [
        str(row["prediction_id"]) for row in reversed(wanted)]
    assert second.json["next_cursor"] is None


def test_cursor_survives_newer_rows(house: House) -> None:
    """What is predicted between two pages moves nothing of the second."""
    rows = [house.predicted(created_at=NOON + timedelta(seconds=age)) for age in range(4)]
    first = house.get(LIST, limit=2)
    house.predicted(created_at=NOON + DAY)
    second = house.get(LIST, limit=2, cursor=first.json["next_cursor"])
    assert listed(first) + listed(second) == [str(row["prediction_id"]) for row in reversed(rows)]


def test_cursor_is_url_safe(house: House) -> None:
    """A cursor can be put into a URL as it is."""
    for age in range(50):
        house.predicted(created_at=datetime.fromtimestamp(age * 7919.123457, timezone.utc))
    cursor = None
    for _ in range(49):
        answer = house.get(LIST, limit=1, **({} if cursor is None else {"cursor": cursor}))
        cursor = answer.json["next_cursor"]
        assert cursor and cursor.isascii() and cursor.replace("-", "").replace("_", "").isalnum()


def test_own_user_id(house: House) -> None:
    """Naming oneself is the same as naming nobody, however the UUID is written."""
    house.predicted()
    for text in (house.ada, str(house.ada).upper(), house.ada.hex):
        assert house.get(LIST, user_id=text).json == house.get(LIST).json


def test_somebody_elses_history(house: House) -> None:
    """A foreign history is not found, whether that user exists or not."""
    house.predicted(user=house.bob)
    for user_id in (house.bob, uuid.uuid4()):
        detail = refused(house.get(LIST, user_id=user_id), 404)
        assert str(user_id) not in detail


def test_administrators_see_every_history(house: House) -> None:
    """An administrator may name anybody, and sees its own history when it names nobody."""
    theirs = house.predicted(user=house.bob)
    assert listed(house.get(LIST, admin=True, user_id=house.bob)) == [
        str(theirs["prediction_id"])]
    assert listed(house.get(LIST, admin=True)) == []


def test_detail(house: House) -> None:
    """A single prediction tells how it came about."""
    row = house.predicted(twin_digest=None, engine="tensorflow")
    answer = house.get(f"{LIST}/{row['prediction_id']}")
    assert answer.status_code == 200
    assert answer.json == {
        "prediction_id": str(row["prediction_id"]),
        "image_id": str(row["image_id"]),
        "user_id": str(house.ada),
        "predicted_class": "espresso",
        "confidence_score": 0.9375,
        "prediction_time_ms": 12,
        "top_k": [{"class": "espresso", "index": 967, "confidence": 0.9375}],
        "created_at": "2026-01-31T12:00:00Z",
        "source": "http",
        "request_id": "request-1",
        "model_version": "v1",
        "engine": "tensorflow",
        "model_digest": "1" * 64,
        "twin_digest": None,
        "preprocessing_digest": "3" * 64,
        "image_sha256": "4" * 64,
        "feedback": None,
    }


def test_detail_for_administrators(house: House) -> None:
    """An administrator sees anybody's prediction."""
    row = house.predicted(user=house.bob)
    answer = house.get(f"{LIST}/{row['prediction_id']}", admin=True)
    assert answer.json["user_id"] == str(house.bob)


@pytest.mark.parametrize("path", [
    LIST + "/", LIST + "/1", LIST + "/%00", f"{LIST}/{ID.hex}",
    f"{LIST}/{ID}/", f"{LIST}/{ID}"])
def test_unknown_predictions(house: House, path: str) -> None:
    """What is no prediction's address is not found."""
    refused(house.get(path), 404)


@pytest.mark.parametrize("path", [LIST, f"{LIST}/{ID}"])
def test_database_down(house: House, path: str) -> None:
    """Without the database the client is told to come back."""
    house.predictions.down = True
    answer = house.get(path)
    assert refused(answer, 503) == "The database does not answer."
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_read_only(house: House, method: str) -> None:
    """The list takes no other method."""
    answer = house.get(LIST, method=method)
    refused(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}

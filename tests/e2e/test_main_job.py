"""The main job, through the gateway of a stack like the one `make up` starts."""
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import psycopg2.extras
import pytest

from common.config import Settings
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from imgclass.client import Client
from imgclass.embedded.stack import Stack
from tests.e2e.access import client_of, settings_of, token_of

PICTURES = Path(__file__).parents[2] / "examples/pictures"
COFFEE = PICTURES / "coffee.jpg"


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Settings:
    """The functions' settings, with which a test looks behind the gateway."""
    return settings_of(stack)


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """Somebody without a special role."""
    with client_of(stack, "ada@example.com") as client:
        yield client


def _row(settings: Settings, query: str, *values: Any) -> dict[str, Any]:
    connection = psycopg2.connect(
        user=settings.postgres_user, password=settings.postgres_password,
        dbname=settings.postgres_db, host=settings.postgres_host, port=settings.postgres_port,
        cursor_factory=psycopg2.extras.RealDictCursor)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, values)
            row: dict[str, Any] = cursor.fetchone()
            return row
    finally:
        connection.close()


def test_coffee_is_espresso(client: Client) -> None:
    """The sample cup of coffee is an espresso, with confidence of at least 0.9."""
    prediction = client.predict(COFFEE)
    assert prediction.predicted_class == "espresso"
    assert prediction.confidence_score >= 0.9


def test_answer_has_exactly_the_documented_fields(stack: Stack) -> None:
    """The answer has the five fields of the contract, and the ranking only when asked."""
    token, user_id = token_of(stack, "ada@example.com")
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as http:
        def ask(**more: str) -> dict[str, Any]:
            answer = http.post(
                f"{stack.gateway.url}/api/v1/predict", data={"user_id": user_id, **more},
                files={"file": COFFEE.read_bytes()})
            assert answer.status_code == 200, answer.text
            body: dict[str, Any] = answer.json()
            return body

        fields = {"prediction_id", "image_id", "predicted_class", "confidence_score",
                  "prediction_time_ms"}
        assert set(ask()) == fields
        ranked = ask(top_k="3")
    assert set(ranked) == fields | {"top_k"}
    assert len(ranked["top_k"]) == 3
    assert ranked["top_k"][0]["class"] == ranked["predicted_class"]


def test_picture_is_stored_as_it_was_sent(client: Client, settings: Settings) -> None:
    """The object in the bucket is byte-identical to the upload, under the documented key."""
    prediction = client.predict(COFFEE)
    image = client.image(prediction.image_id)
    store = S3ObjectStore(s3_client(settings, 1), settings.minio_bucket_name)
    assert b"".join(store.get(image.object_key).chunks) == COFFEE.read_bytes()
    assert client.image_content(prediction.image_id) == COFFEE.read_bytes()
    row = _row(settings, "SELECT *, to_char(created_at AT TIME ZONE 'UTC', 'YYYY/MM/DD') AS day "
               "FROM images WHERE image_id = %s", str(prediction.image_id))
    assert row["object_key"] == f"{row['day']}/{prediction.image_id}.jpg"
    assert bytes(row["sha256"]) == hashlib.sha256(COFFEE.read_bytes()).digest()


def test_rows_are_written(client: Client, settings: Settings) -> None:
    """User, image and prediction stand in the database with what was answered."""
    prediction = client.predict(COFFEE)
    row = _row(
        settings,
        "SELECT email, predicted_class, confidence_score, prediction_time_ms, model_version, "
        "engine, predictions.source FROM predictions JOIN images USING (image_id) "
        "JOIN users ON users.user_id = images.user_id WHERE prediction_id = %s",
        str(prediction.prediction_id))
    assert row == {
        "email": "ada@example.com",
        "predicted_class": prediction.predicted_class,
        "confidence_score": prediction.confidence_score,
        "prediction_time_ms": prediction.prediction_time_ms,
        "model_version": "v1",
        "engine": "litert",
        "source": "http",
    }


def test_history_shows_newest_first(client: Client) -> None:
    """What was just predicted comes first, and the pages hold everything once."""
    made = [client.predict(PICTURES / name).prediction_id
            for name in ("coffee.jpg", "chelsea.jpg", "coffee.jpg")]
    listed = [each.prediction_id for each in client.history()]
    assert listed[:3] == made[::-1]
    assert len(set(listed)) == len(listed) == client.predictions().total


def test_users_do_not_see_each_other(stack: Stack, client: Client) -> None:
    """Another user's prediction, picture and history are not found."""
    prediction = client.predict(COFFEE)
    token, _ = token_of(stack, "eve@example.com")
    paths = (
        f"predictions/{prediction.prediction_id}", f"images/{prediction.image_id}",
        f"images/{prediction.image_id}/content", f"predictions?user_id={client.user_id}")
    for path in paths:
        answer = httpx.get(
            f"{stack.gateway.url}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 404, path


@pytest.mark.parametrize(("method", "path"), [
    ("POST", "predict"), ("GET", "predictions"), ("GET", "models"), ("POST", "models"),
    ("POST", "models/v1/activate")])
def test_nothing_works_without_a_token(stack: Stack, method: str, path: str) -> None:
    """Every function asks for a token, and says so in problem+json."""
    answer = httpx.request(method, f"{stack.gateway.url}/api/v1/{path}")
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]

"""The whole function before real servers: what its users see, and what they do not."""
from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from common.config import Settings
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from history.app import create_app
from history.images.repository import Image
from history.predictions.repository import Row
from tests import tokens
from tests.databases import query
from tests.fakes.history import NOON, image, prediction
from tests.integration.history.conftest import AddImage, AddPrediction
from tests.root_logger import untouched_root_logger
from tests.unit.history.test_isolation import WITH_ID, path_of

LIST = "/api/v1/predictions"
DATA = bytes(range(256)) * 5000
ADA, BOB = uuid.uuid4(), uuid.uuid4()


@pytest.fixture(scope="module")
def bucket(servers: Settings) -> str:
    name = f"history-{uuid.uuid4()}"
    s3_client(servers, connections=1).create_bucket(Bucket=name)
    return name


@pytest.fixture
def app(
    database_settings: Settings, bucket: str, tmp_path: Path, resting: None
) -> Iterator[Flask]:
    with untouched_root_logger():
        yield create_app(replace(
            database_settings, minio_bucket_name=bucket, log_dir=tmp_path, web_threads=2))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def store(servers: Settings, bucket: str) -> S3ObjectStore:
    return S3ObjectStore(s3_client(servers, connections=1), bucket)


@pytest.fixture
def stored(store: S3ObjectStore, add_image: AddImage) -> Image:
    """A picture of Ada's, in the bucket and in the database."""
    row = image(ADA, filename="寸法 📷.png", content_type="image/png", size_bytes=len(DATA))
    store.put(row.object_key, DATA, row.content_type)
    add_image(row)
    return row


@pytest.fixture
def predicted(stored: Image, add_prediction: AddPrediction) -> Row:
    """A prediction of it."""
    row = prediction(ADA, image_id=stored.image_id, image_sha256=stored.sha256)
    add_prediction(row)
    return row


def get(client: FlaskClient, path: str, user: uuid.UUID = ADA, **query: object) -> TestResponse:
    return client.get(path, query_string=query, headers=tokens.bearer(user))


def test_ready(client: FlaskClient) -> None:
    """With database and bucket there, the function is ready."""
    assert client.get("/_/ready").json == {"status": "ready"}


def test_not_ready_without_its_bucket(
    database_settings: Settings, tmp_path: Path, resting: None,
) -> None:
    """A bucket that is not there is named."""
    with untouched_root_logger():
        app = create_app(replace(
            database_settings, minio_bucket_name="no-such-bucket", log_dir=tmp_path))
        answer = app.test_client().get("/_/ready")
    assert answer.status_code == 503
    assert answer.json["detail"] == "object store: There is no bucket no-such-bucket."


def test_prediction_and_picture(client: FlaskClient, predicted: Row, stored: Image) -> None:
    """From the list one gets to the prediction, to its picture and to the bytes once sent."""
    (one,) = get(client, LIST).json["predictions"]
    assert one == {
        "prediction_id": str(predicted["prediction_id"]), "image_id": str(stored.image_id),
        "predicted_class": "espresso", "confidence_score": 0.9375,
        "created_at": "2026-01-31T12:00:00Z"}
    lineage = get(client, f"{LIST}/{one['prediction_id']}").json
    assert lineage["image_sha256"] == stored.sha256
    assert lineage["top_k"] == predicted["top_k"]
    metadata = get(client, f"/api/v1/images/{one['image_id']}").json
    assert (metadata["size_bytes"], metadata["filename"]) == (len(DATA), stored.filename)
    content = get(client, f"/api/v1/images/{one['image_id']}/content")
    assert content.data == DATA
    assert content.headers["Content-Type"] == "image/png"


def test_object_gone(client: FlaskClient, stored: Image, store: S3ObjectStore) -> None:
    """A picture whose object was removed from the bucket is not found."""
    store.delete(stored.object_key)
    answer = get(client, f"/api/v1/images/{stored.image_id}/content")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_store_down(
    database_settings: Settings, stored: Image, tmp_path: Path, resting: None
) -> None:
    """Without the store the bytes are unavailable for a while; metadata are not."""
    with untouched_root_logger():
        client = create_app(replace(
            database_settings, minio_endpoint="127.0.0.1:1", log_dir=tmp_path)).test_client()
        content = get(client, f"/api/v1/images/{stored.image_id}/content")
        metadata = get(client, f"/api/v1/images/{stored.image_id}")
    assert (content.status_code, content.headers["Retry-After"]) == (503, "2")
    assert metadata.status_code == 200


@pytest.mark.parametrize("rule", WITH_ID, ids=lambda rule: rule.rule)
def test_others_see_nothing(
    client: FlaskClient, predicted: Row, stored: Image, rule: Rule,
) -> None:
    """The database itself gives nobody's rows to anybody else."""
    path = path_of(rule, prediction_id=predicted["prediction_id"], image_id=stored.image_id,
                   user_id=ADA)
    assert get(client, path).status_code == 200
    assert get(client, path, user=BOB).status_code == 404
    assert client.get(path, headers=tokens.bearer(BOB, roles=["admin"])).status_code == 200


@pytest.mark.parametrize(("since", "until", "count"), [
    ("2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z", 1),
    ("2026-01-31T13:00:00+01:00", "2026-01-31T13:00:01+01:00", 1),
    ("2026-01-31T06:30:00-05:30", "2026-01-31T06:30:00.000001-05:30", 1),
    ("2026-01-31T12:00:00.000001Z", "2026-02-01", 0),
    ("2026-02-01T11:59:00+23:59", "2026-01-31T12:00:01Z", 1),
    ("2026-01-31", "2026-01-31T12:00:00", 0),
    ("0001-01-01", "9999-12-31", 1)])
def test_time_zones(
    client: FlaskClient, predicted: Row, since: str, until: str, count: int,
) -> None:
    """An instant is the same whatever offset it is written with."""
    answer = get(client, LIST, **{"from": since, "to": until})
    assert (len(answer.json["predictions"]), answer.json["total"]) == (count, count)


def test_time_zone_of_the_server(
    client: FlaskClient, database_settings: Settings, predicted: Row,
) -> None:
    """A database that lives in another time zone answers the same."""
    alter = f"ALTER DATABASE {database_settings.postgres_db}"
    query(database_settings, f"{alter} SET timezone TO 'Asia/Kathmandu'")
    try:
        answer = get(client, LIST, **{"from": "2026-01-31T12:00:00", "to": "2026-01-31T12:00:01"})
    finally:
        query(database_settings, f"{alter} RESET timezone")
    assert [one["created_at"] for one in answer.json["predictions"]] == ["2026-01-31T12:00:00Z"]


def test_cursor_over_http(client: FlaskClient, add_prediction: AddPrediction) -> None:
    """Cursors go around microseconds and equal instants without losing a row."""
    rows = [prediction(ADA, created_at=NOON + timedelta(microseconds=number // 3))
            for number in range(10)]
    for row in rows:
        add_prediction(row)
    seen: list[str] = []
    parameters: dict[str, object] = {"limit": 2}
    while parameters.get("cursor", "") is not None:
        answer = get(client, LIST, **parameters)
        seen += [one["prediction_id"] for one in answer.json["predictions"]]
        assert answer.json["total"] == 10
        parameters["cursor"] = answer.json["next_cursor"]
    newest_first = sorted(
        rows, key=lambda row: (row["created_at"], row["prediction_id"]), reverse=True)
    assert seen == [str(row["prediction_id"]) for row in newest_first]


@pytest.mark.parametrize("value", ["'; DROP TABLE users; --", "%s", ":user_id", "a\\'b", "\u202e"])
def test_filters_are_parameters(client: FlaskClient, predicted: Row, value: str) -> None:
    """Whatever a filter says is compared, never executed."""
    for name in ("predicted_class", "model_version"):
        assert get(client, LIST, **{name: value}).json["total"] == 0
    assert get(client, LIST).json["total"] == 1


def test_connections_cut(
    client: FlaskClient, database_settings: Settings, predicted: Row,
) -> None:
    """A connection the server hung up on is replaced before anybody notices."""
    assert get(client, LIST).status_code == 200
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    query(database_settings, f"SELECT pg_terminate_backend(pid) {others}")
    deadline = time.monotonic() + 10
    while query(database_settings, f"SELECT pid {others}"):
        assert time.monotonic() < deadline
    assert get(client, LIST).json["total"] == 1

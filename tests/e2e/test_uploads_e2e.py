"""Pictures put into the bucket of the whole stack, in every way there is."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from imgclass.client import Client
from imgclass.embedded import secret_files
from imgclass.embedded.stack import Stack
from imgclass.filters import Filters
from imgclass.results.events import Event
from tests.databases import query
from tests.e2e.access import client_of, settings_of, token_of
from tests.servers import ROOT
from tests.waiting import wait_until

COFFEE = ROOT / "examples/pictures/coffee.jpg"
PATIENCE_SECONDS = 60.0
FROM_BUCKET = Filters(source="bucket")


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """Somebody of the test's own, who has sent a picture before."""
    with client_of(stack, f"{uuid.uuid4()}@example.com") as client:
        client.predict(COFFEE)
        yield client


@pytest.fixture
def admin(stack: Stack) -> Iterator[Client]:
    with client_of(stack, "root@example.com", admin=True) as client:
        yield client


@pytest.fixture(scope="module")
def bucket(stack: Stack) -> S3ObjectStore:
    """The bucket, as a plain S3 client with the functions' rights reaches it."""
    secrets = stack.layout.secrets
    settings = replace(
        settings_of(stack),
        minio_access_key=secret_files.read(secrets, "minio-access-key"),
        minio_secret_key=secret_files.read(secrets, "minio-secret-key"))
    return S3ObjectStore(s3_client(settings, 2), settings.minio_bucket_name)


def events_of(admin: Client, user: uuid.UUID, state: str) -> list[Event]:
    return [*admin.events(state=state, user_id=user)]


def test_picture_put_by_a_plain_client(
    stack: Stack, client: Client, admin: Client, bucket: S3ObjectStore
) -> None:
    """A picture put below uploads/<user_id>/ is in its owner's history, stored byte for byte
    under the documented key, and no longer among the uploads."""
    key = f"uploads/{client.user_id}/holiday/a cup+of coffee ☕.jpg"
    bucket.put(key, COFFEE.read_bytes(), "application/octet-stream")
    wait_until(lambda: client.predictions(filters=FROM_BUCKET).total == 1)
    wait_until(lambda: not bucket.exists(key))
    (prediction,) = client.predictions(filters=FROM_BUCKET).predictions
    assert prediction.predicted_class == "espresso"
    image = client.image(prediction.image_id)
    assert (image.filename, image.source) == ("a cup+of coffee ☕.jpg", "bucket")
    assert image.object_key.endswith(f"/{prediction.image_id}.jpg")
    assert client.image_content(prediction.image_id) == COFFEE.read_bytes()
    lineage = client.prediction(prediction.prediction_id)
    assert lineage.request_id == f"event-{prediction.image_id}"
    assert len(events_of(admin, client.user_id, "done")) == 1


def test_same_answer_as_by_http(client: Client, bucket: S3ObjectStore) -> None:
    """One service classifies both: the same picture gets the same answer, bit for bit."""
    bucket.put(f"uploads/{client.user_id}/cup.jpg", COFFEE.read_bytes(), "image/jpeg")
    wait_until(lambda: client.predictions(filters=FROM_BUCKET).total == 1)
    scores = {each.confidence_score for each in client.predictions().predictions}
    assert len(scores) == 1


def test_presigned_upload(client: Client) -> None:
    """A picture sent with a presigned form is classified, and the upload says so."""
    form = client.upload(COFFEE)
    upload = client.wait_for_upload(form.upload_id, PATIENCE_SECONDS)
    assert (upload.state, upload.predicted_class) == ("done", "espresso")
    assert upload.prediction_id is not None
    assert client.prediction(upload.prediction_id).image_id == upload.image_id


def test_no_picture(client: Client, admin: Client, bucket: S3ObjectStore) -> None:
    """What is no picture is given up at once with the reason, stays where it is, and an
    administrator can have it tried again."""
    key = f"uploads/{client.user_id}/notes.jpg"
    bucket.put(key, b"no picture at all", "image/jpeg")
    wait_until(lambda: len(events_of(admin, client.user_id, "dead")) == 1)
    (event,) = events_of(admin, client.user_id, "dead")
    assert event.fault == "not_a_picture"
    assert bucket.exists(key)
    bucket.put(key, COFFEE.read_bytes(), "image/jpeg")
    wait_until(lambda: client.predictions(filters=FROM_BUCKET).total == 1)
    admin.retry_event(event.event_id)
    # The object that the old event told of is no longer there; a newer one in its place was.
    wait_until(lambda: len(events_of(admin, client.user_id, "superseded")) == 1)
    assert client.predictions(filters=FROM_BUCKET).total == 1


def test_nothing_is_forgotten(
    stack: Stack, client: Client, admin: Client, bucket: S3ObjectStore
) -> None:
    """Objects seen, classified, superseded, pending and dead add up."""
    for number in range(5):
        bucket.put(f"uploads/{client.user_id}/{number}.jpg", COFFEE.read_bytes(), "image/jpeg")
    bucket.put(f"uploads/{client.user_id}/notes.txt", b"no picture", "text/plain")
    wait_until(lambda: admin.completeness().complete)
    found = admin.completeness()
    assert found.adds_up, found
    assert len(events_of(admin, client.user_id, "done")) == 5
    assert query(settings_of(stack), "SELECT count(*) FROM images WHERE user_id = %s "
                 "AND source = 'bucket'", str(client.user_id)) == [{"count": 5}]


@pytest.mark.parametrize("path", ["storage", "drain", "sweep"])
def test_machines_are_not_let_in_through_the_gateway(stack: Stack, path: str) -> None:
    """What machines call does not exist outside, whatever token one has."""
    token = secret_files.read(stack.layout.secrets, "events-token")
    for prefix in ("", "/function/predict"):
        for each in (token, token_of(stack, "root@example.com", admin=True)[0]):
            answer = httpx.post(
                f"{stack.gateway.url}{prefix}/events/{path}", trust_env=False,
                headers={"Authorization": f"Bearer {each}"})
            assert answer.status_code == 404

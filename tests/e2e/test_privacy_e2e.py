"""Through the whole stack: sent twice and classified once, erased everywhere, and audited."""
from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from imgclass.client import Client, ProblemError
from imgclass.embedded.stack import Stack
from tests.e2e.access import client_of, settings_of, token_of
from tests.servers import ROOT
from tests.traces import rows_with

COFFEE = ROOT / "examples/pictures/coffee.jpg"
# Where the id of somebody who was erased may still stand.
TOMBSTONES = {"erasures", "audit_log"}


@pytest.fixture
def email() -> str:
    return f"{uuid.uuid4()}@example.com"


@pytest.fixture
def client(stack: Stack, email: str) -> Iterator[Client]:
    """Somebody of the test's own."""
    with client_of(stack, email) as client:
        yield client


@pytest.fixture
def admin(stack: Stack) -> Iterator[Client]:
    with client_of(stack, "root@example.com", admin=True) as client:
        yield client


def test_sent_twice(stack: Stack, email: str, client: Client) -> None:
    """The gateway passes the key on: what is sent again gets the same bytes back."""
    token, user_id = token_of(stack, email)
    answers = [httpx.post(
        f"{stack.gateway.url}/api/v1/predict", data={"user_id": user_id, "top_k": "3"},
        files={"file": COFFEE.read_bytes()}, timeout=30, headers={
            "Authorization": f"Bearer {token}", "Idempotency-Key": "7"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert client.me().predictions == 1


def test_picture(stack: Stack, client: Client, admin: Client) -> None:
    """An erased picture is gone for its owner, and what was uploaded adds up without it."""
    prediction = client.predict(COFFEE)
    uploaded = client.wait_for_upload(client.upload(COFFEE).upload_id)
    assert uploaded.image_id is not None
    for image_id in (prediction.image_id, uploaded.image_id):
        assert client.delete_image(image_id)
        with pytest.raises(ProblemError, match="status 410"):
            client.image(image_id)
    with pytest.raises(ProblemError, match="status 404"):
        client.prediction(prediction.prediction_id)
    assert client.me().images == 0
    found = admin.completeness()
    assert (found.adds_up, found.erased >= 1) == (True, True)
    actions = [line.action for line in admin.audit(subject=str(prediction.image_id))]
    assert actions == ["image.erased", "image.delete"]


def test_user(stack: Stack, email: str, client: Client, admin: Client) -> None:
    """Of an erased user nothing is left in any table or in the bucket, not even a picture that
    is being put there with a form from before; who comes back begins anew."""
    client.predict(COFFEE)
    client.wait_for_upload(client.upload(COFFEE).upload_id)
    form = client.create_upload("late.jpg", "image/jpeg")
    settings = settings_of(stack)
    store = S3ObjectStore(s3_client(settings, 1), settings.minio_bucket_name)
    assert client.delete_me()
    late = httpx.post(form.url, data=form.fields, files={"file": COFFEE.read_bytes()}, timeout=30)
    assert late.is_success
    deadline = time.monotonic() + 90
    while [*store.versions(f"uploads/{client.user_id}/")]:
        assert time.monotonic() < deadline, "what came late is still there"
        time.sleep(0.1)
    with pytest.raises(ProblemError, match="status 410"):
        client.me()
    while rows_with(settings, [email, client.user_id]).keys() - {
            (table, column) for table, column in rows_with(settings, [client.user_id])
            if table in TOMBSTONES}:
        assert time.monotonic() < deadline, rows_with(settings, [email, client.user_id])
        time.sleep(0.1)
    (line,) = admin.audit(action="user.delete", subject=str(client.user_id))
    assert (line.actor, line.detail["images"]) == (client.user_id, 2)
    client.predict(COFFEE)
    assert (client.me().images, client.predictions().total) == (1, 1)
    assert admin.delete_user(client.user_id)

"""Uploads in predict as it runs in production: told of or found, classified once, removed."""
from __future__ import annotations

import hashlib
import os
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from common.s3_client import s3_client
from tests import pictures, tokens
from tests.contracts.object_store import read
from tests.databases import query
from tests.integration.predict.conftest import EVENTS_TOKEN, USER, Running
from tests.notifications import aws, body, minio, minio_record, seaweedfs
from tests.waiting import wait_until

BEARER = {"Authorization": f"Bearer {EVENTS_TOKEN}"}
PICTURE = pictures.png(60, 40)


@pytest.fixture
def known(ready: Running) -> Running:
    """The function, and somebody it knows."""
    query(ready.settings, "INSERT INTO users VALUES (%s, 'ada@example.org')", USER)
    return ready


def put(running: Running, name: str, data: bytes = PICTURE) -> str:
    """Put an object as any S3 client does; answers its key."""
    key = f"uploads/{USER}/{name}"
    s3_client(running.settings, 1).put_object(
        Bucket=running.settings.minio_bucket_name, Key=key, Body=data)
    return key


def call(running: Running, path: str, **options: Any) -> httpx.Response:
    """What a machine is answered."""
    return httpx.post(f"http://{running.process.host}:{running.process.port}{path}",
                      timeout=60, **{"headers": BEARER, **options})


def tell(running: Running, document: Any) -> httpx.Response:
    """Send a notification."""
    return call(running, "/events/storage", content=body(document))


def told_by_minio(running: Running, key: str) -> Any:
    """MinIO's notification of an object that is there."""
    stored = running.pictures.get(key)
    return minio(minio_record(
        key, running.settings.minio_bucket_name, eTag=stored.writing.etag, size=stored.size))


def events(running: Running) -> list[dict[str, Any]]:
    return query(running.settings, "SELECT * FROM storage_events ORDER BY received_at")


def test_notification_in_pieces(known: Running) -> None:
    """However a notification is cut on its way, it is read whole."""
    key = put(known, "pieces.png")
    document = body(told_by_minio(known, key))
    with known.process.connect() as connection:
        connection.send_head("/events/storage", {**BEARER, "Content-Length": str(len(document))})
        for piece in (document[:1], document[1:100], document[100:]):
            connection.send(piece)
            time.sleep(0.05)
        answer = connection.answer()
    assert answer is not None and answer.status == 202
    assert answer.json() == {"new": 1, "known": 0, "ignored": 0}
    wait_until(lambda: query(known.settings, "SELECT 1 FROM predictions") != [])


def states(running: Running) -> list[str]:
    return [row["state"] for row in events(running)]


def assert_classified(running: Running, name: str, data: bytes = PICTURE) -> None:
    """There is one event, one picture and one prediction, and no upload any more."""
    (event,) = events(running)
    (row,) = query(running.settings, """
        SELECT image_id, prediction_id, filename, object_key, sha256, i.user_id, i.source,
               request_id, predicted_class, email
        FROM images i JOIN predictions p USING (image_id) JOIN users u ON u.user_id = i.user_id
    """)
    assert (event["state"], event["reason"]) == ("done", None)
    assert (row["image_id"], row["prediction_id"]) == (event["event_id"], event["prediction_id"])
    assert (row["filename"], row["user_id"], row["email"]) == (name, USER, "ada@example.org")
    assert (row["source"], row["request_id"]) == ("bucket", f"event-{event['event_id']}")
    assert row["object_key"] == f"{event['received_at']:%Y/%m/%d}/{event['event_id']}.png"
    assert bytes(row["sha256"]) == hashlib.sha256(data).digest()
    assert [each.key for each in running.pictures.list("")] == [row["object_key"]]
    assert read(running.pictures, row["object_key"]) == data
    assert running.pictures.get(row["object_key"]).content_type == "image/png"


@pytest.mark.parametrize("name", ["a b+c%20é\"'&.png", "cup.png"])
def test_announced(known: Running, name: str) -> None:
    """An object that MinIO tells of is classified, and the upload is removed."""
    key = put(known, name)
    answer = tell(known, told_by_minio(known, key))
    assert (answer.status_code, answer.json()) == (202, {"new": 1, "known": 0, "ignored": 0})
    wait_until(lambda: states(known) == ["done"])
    assert_classified(known, name)
    assert tell(known, minio(minio_record(key, "models"))).json()["ignored"] == 1
    assert known.process.get("/_/ready").status == 200
    metrics = known.process.get("/metrics").body.decode()
    assert 'imgclass_inbox_events_total{outcome="classified"}' in metrics


def test_announced_by_other_servers(known: Running) -> None:
    """Whoever tells of an object, in whatever words, it is classified once."""
    bucket, key = known.settings.minio_bucket_name, put(known, "cup.png")
    etag = known.pictures.get(key).writing.etag
    by_aws, by_seaweedfs = aws(key), seaweedfs(key, bucket=bucket)
    by_aws["Records"][0]["s3"]["bucket"]["name"] = bucket
    by_aws["Records"][0]["s3"]["object"]["eTag"] = etag
    entry = by_seaweedfs["message"]["new_entry"]
    del entry["extended"]
    entry["attributes"]["md5"] = ""
    assert tell(known, by_seaweedfs).json()["new"] == 1
    assert tell(known, by_aws).status_code == 202
    wait_until(lambda: set(states(known)) <= {"done", "superseded"})
    assert known.counts() == (1, 1)


def test_cloud_event(known: Running) -> None:
    """A CloudEvent with its attributes in headers is read as any other notification."""
    key = put(known, "cup.png")
    answer = call(known, "/events/storage", content=body(told_by_minio(known, key)), headers={
        **BEARER, "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/images",
        "ce-type": "com.amazonaws.s3.objectcreated"})
    assert (answer.status_code, answer.json()["new"]) == (202, 1)
    wait_until(lambda: states(known) == ["done"])
    assert_classified(known, "cup.png")


def test_announced_by_many(known: Running) -> None:
    """A notification that comes many times at once is one."""
    keys = [put(known, f"{number}.png", pictures.png(60, 40 + number)) for number in range(4)]
    documents = [told_by_minio(known, key) for key in keys] * 4
    with ThreadPoolExecutor(8) as threads:
        answers = [*threads.map(lambda document: tell(known, document), documents)]
    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["new"] for answer in answers) == 4
    wait_until(lambda: states(known) == ["done"] * 4)
    assert known.counts() == (4, 4)


def test_found(known: Running) -> None:
    """An object that nobody tells of is found by the sweep."""
    put(known, "cup.png")
    answer = call(known, "/events/sweep?days=1")
    assert answer.json() == {
        "skipped": False, "uploads": 1, "adopted": 1, "differences": {
            "objects_without_row": 0, "rows_without_object": 0, "restored": 0, "erased": 0}}
    wait_until(lambda: states(known) == ["done"])
    assert_classified(known, "cup.png")


def test_refused(known: Running) -> None:
    """What is no picture is given up with a reason, stays where it is, and is no find."""
    key = put(known, "notes.txt", b"text")
    tell(known, told_by_minio(known, key))
    wait_until(lambda: states(known) == ["dead"])
    (event,) = events(known)
    assert (event["fault"], event["reason"]) == (
        "not_a_picture", "The file is not a JPEG, PNG or WebP picture.")
    assert read(known.pictures, key) == b"text"
    assert call(known, "/events/sweep?days=0").json()["adopted"] == 0


@pytest.mark.parametrize("headers", [{}, tokens.bearer(USER, roles=["admin"])])
def test_no_token(known: Running, headers: dict[str, str]) -> None:
    """Only machines get in."""
    for path in ("storage", "drain", "sweep"):
        assert call(known, f"/events/{path}", headers=headers).status_code == 401
    assert events(known) == []


def test_what_no_table_holds(known: Running) -> None:
    """Values beyond all measure do not make the sender send them for ever."""
    bucket, key = known.settings.minio_bucket_name, put(known, "cup.png")
    document = minio(
        minio_record(key, bucket, size=10**30), minio_record(key, bucket, eTag="\ud800"),
        minio_record(key, bucket, sequencer="s" * 1000), minio_record(f"{key}\0", bucket),
        minio_record(key, bucket, versionId="v" * 129))
    answer = tell(known, document)
    assert (answer.status_code, answer.json()["ignored"]) == (202, 5)
    largest = "uploads/" + "\U0001f4f7" * 254
    answer = tell(known, minio(minio_record(
        largest, bucket, eTag="\U0001f4f7" * 128, versionId="\U0001f4f7" * 128,
        sequencer="\U0001f4f7" * 64, size=2**63 - 1)))
    assert (answer.status_code, answer.json()["new"]) == (202, 1)


def test_database_cut(known: Running) -> None:
    """What cannot be written down is refused; sent again, it is taken in."""
    key = put(known, "cup.png")
    document = told_by_minio(known, key)
    known.database_proxy.cut_before(b"INSERT INTO storage_events")
    answer = tell(known, document)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    known.database_proxy.heal()
    assert tell(known, document).json()["new"] == 1
    wait_until(lambda: states(known) == ["done"])
    assert_classified(known, "cup.png")


def test_store_cut(known: Running) -> None:
    """While the store is away an upload waits; when it is back, it is classified."""
    key = put(known, "cup.png")
    document = told_by_minio(known, key)
    known.store_proxy.cut_before(f"/{known.settings.minio_bucket_name}".encode())
    tell(known, document)
    wait_until(lambda: any(row["reason"] for row in events(known)))
    (event,) = events(known)
    assert (event["state"], event["reason"]) == ("pending", "The object store does not answer.")
    assert event["attempts"] <= 1  # those that failed do not count
    assert known.process.get("/_/ready").status == 503
    known.store_proxy.heal()
    wait_until(lambda: states(known) == ["done"])
    assert_classified(known, "cup.png")


def test_killed(known: Running) -> None:
    """What a process held that was killed is taken up when the lease has run out."""
    key = put(known, "cup.png")
    stored = known.pictures.get(key)
    query(known.settings, """
        INSERT INTO storage_events (
            bucket, object_key, etag, sequencer, size_bytes, user_id, announced_by, attempts,
            lease_token, due_at)
        VALUES (%s, %s, %s, '18EB72C315E6DB10', %s, %s, 'notification', 1, %s,
                now() + interval '2 seconds')
    """, known.settings.minio_bucket_name, key, stored.writing.etag, stored.size, USER,
          uuid.uuid4())
    os.kill(known.process.worker(), signal.SIGKILL)
    known.process.wait_for("/_/ready")
    wait_until(lambda: states(known) == ["done"])
    assert_classified(known, "cup.png")
    assert events(known)[0]["attempts"] == 2

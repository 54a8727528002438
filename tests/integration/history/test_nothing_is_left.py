"""Who is erased is erased everywhere: every column of every table and every object is searched."""
from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from mypy_boto3_s3 import S3Client

from common.audit import Origin
from common.config import Settings
from common.db import Database
from common.errors import Conflict, LeaseLost
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from history.erasure.repository import PostgresErasures
from history.erasure.worker import ErasureWorker
from predict.inbox.picture_index import PostgresPictureIndex
from predict.repository import PostgresPredictionRepository
from tests import tokens
from tests.databases import connect, environment_of, query, wait_for_lock
from tests.function_process import ROOT, FunctionProcess
from tests.integration.history.life import LEASE, Life
from tests.proxies import CuttingProxy
from tests.records import record
from tests.traces import columns, objects_with, rows_with

ORIGIN = Origin(uuid.uuid4(), "request-1", "192.0.2.7")
# Where the id of somebody who was erased may still stand: on the tombstone and in the audit log.
TOMBSTONES = {
    ("erasures", "subject_id"), ("audit_log", "subject"), ("audit_log", "actor"),
    ("audit_log", "detail")}
# Tables in which a life leaves a row, or that say nothing of anybody's pictures.
WITHOUT_USERS = {
    "model_versions", "model_replicas", "schema_migrations", "webhooks", "failing_receivers"}


@pytest.fixture
def client(servers: Settings) -> S3Client:
    return s3_client(servers, connections=2)


@pytest.fixture(params=["plain", "versions"])
def bucket(request: pytest.FixtureRequest, client: S3Client) -> str:
    """A bucket that keeps one version of everything, or all."""
    name = f"erasure-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    if request.param == "versions":
        client.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def store(client: S3Client, bucket: str) -> S3ObjectStore:
    return S3ObjectStore(client, bucket)


@pytest.fixture
def ada(
    database: Database, database_settings: Settings, store: S3ObjectStore, bucket: str
) -> Life:
    return Life(database, database_settings, store, bucket, "Lovelace")


@pytest.fixture
def bob(
    database: Database, database_settings: Settings, store: S3ObjectStore, bucket: str
) -> Life:
    return Life(database, database_settings, store, bucket, "Babbage")


def erase(database: Database, store: S3ObjectStore, user_id: uuid.UUID) -> bool:
    """Erase a user as the function does; whether it is finished."""
    erasures = PostgresErasures(database)
    claim = erasures.erase_user(user_id, ORIGIN, LEASE).claim
    assert claim is not None
    return ErasureWorker(erasures, store).work(claim, time.monotonic() + 60)


def end_leases(database: Database, database_settings: Settings, store: S3ObjectStore) -> None:
    """Let time pass, and have the rest removed."""
    query(database_settings, "UPDATE objects_to_remove SET due_at = now()")
    query(database_settings, "UPDATE erasures SET due_at = now()")
    assert ErasureWorker(PostgresErasures(database), store).drain(60) >= 1


def assert_nothing_is_left(settings: Settings, client: S3Client, bucket: str, life: Life) -> None:
    assert rows_with(settings, life.words) == {}
    assert rows_with(settings, [life.user_id]).keys() <= TOMBSTONES
    assert objects_with(client, bucket, {*life.words, life.user_id}, life.contents) == []


def snapshot(settings: Settings, life: Life) -> dict[tuple[str, str], set[str]]:
    return rows_with(settings, {*life.words, life.user_id})


def test_everything_is_searched(
    ada: Life, database: Database, database_settings: Settings
) -> None:
    """A life leaves traces in every table that could have any: a new one must be added to it."""
    ada.live()
    PostgresErasures(database).erase_image(
        ada.send("being erased"), ada.user_id, ORIGIN, LEASE)
    tables = {table for table, _ in columns(database_settings)}
    with_traces = {table for table, _ in snapshot(database_settings, ada)}
    with_traces |= {table for table, _ in rows_with(database_settings, ada.images)}
    assert with_traces >= tables - WITHOUT_USERS


def test_user(
    ada: Life, bob: Life, database: Database, database_settings: Settings,
    store: S3ObjectStore, client: S3Client, bucket: str,
) -> None:
    """Of an erased user nothing is left but an id on the tombstone; others keep everything."""
    bob.live()
    kept = snapshot(database_settings, bob)
    objects = sorted(objects_with(client, bucket, [bob.user_id], bob.contents))
    ada.live()
    # An upload is being classified: until that lease has run out, there may be more to remove.
    assert not erase(database, store, ada.user_id)
    assert rows_with(database_settings, ada.words).keys() <= {("objects_to_remove", "object_key")}
    end_leases(database, database_settings, store)
    assert_nothing_is_left(database_settings, client, bucket, ada)
    assert snapshot(database_settings, bob) == kept
    assert sorted(objects_with(client, bucket, [bob.user_id], bob.contents)) == objects
    (row,) = query(database_settings, "SELECT kind, owner_id, finished_at FROM erasures "
                   "WHERE subject_id = %s", ada.user_id)
    assert (row["kind"], row["owner_id"]) == ("user", None)
    assert row["finished_at"] is not None
    states = {row["state"] for row in query(
        database_settings, "SELECT state FROM storage_events WHERE user_id IS NULL")}
    assert states == {"erased"}


def test_image(
    ada: Life, database: Database, database_settings: Settings, store: S3ObjectStore,
    client: S3Client, bucket: str,
) -> None:
    """Of an erased picture that came by the bucket, and was kept there, nothing is left; its
    owner's others are untouched."""
    other = ada.send("other")
    words, contents = set(ada.words), set(ada.contents)
    claimed = ada.upload("kept", keep=True)
    erasures = PostgresErasures(database)
    begun = erasures.erase_image(claimed.event_id, ada.user_id, ORIGIN, LEASE)
    assert begun is not None and begun.claim is not None
    assert ErasureWorker(erasures, store).work(begun.claim, time.monotonic() + 60)
    assert rows_with(database_settings, ada.words - words) == {}
    assert objects_with(client, bucket, ada.words - words, ada.contents - contents) == []
    assert [row["image_id"] for row in query(
        database_settings, "SELECT image_id FROM images WHERE user_id = %s", ada.user_id)] == [
        other]
    (event,) = query(database_settings, "SELECT state FROM storage_events WHERE event_id = %s",
                     claimed.event_id)
    assert event["state"] == "erased"


def test_upload_that_is_being_classified(
    ada: Life, database: Database, database_settings: Settings, store: S3ObjectStore,
    client: S3Client, bucket: str,
) -> None:
    """A worker that is about to record an upload of an erased user records nothing, and what it
    has copied goes, even if it copies that once more at the last moment."""
    ada.send("first")
    claimed = ada.claim(ada.announce("being classified"))
    copy = f"{claimed.received_at:%Y/%m/%d}/{claimed.event_id}.jpg"
    assert not erase(database, store, ada.user_id)
    store.put(claimed.object_key, b"Lovelace being classified", "image/jpeg")
    store.copy(claimed.object_key, copy)
    with pytest.raises(LeaseLost):
        ada.record("being classified", claimed)
    assert query(database_settings, "SELECT * FROM images") == []
    store.delete(claimed.object_key)
    end_leases(database, database_settings, store)
    assert PostgresPictureIndex(database).erased([copy]) == {copy}
    assert not store.exists(copy)


def test_request_that_is_being_answered(
    ada: Life, database: Database, database_settings: Settings, store: S3ObjectStore
) -> None:
    """A request that began before its user was erased stores nothing, not even if it waited for
    the erasure; one that began afterwards begins anew."""
    ada.send("first")
    repository, began = PostgresPredictionRepository(database), time.perf_counter()
    with closing(connect(database_settings)) as rival, ThreadPoolExecutor(2) as threads:
        rival.autocommit = False
        with rival.cursor() as cursor:  # holds up the erasure, which holds up the request
            cursor.execute("LOCK TABLE backfills IN ACCESS EXCLUSIVE MODE")
        erasing = threads.submit(erase, database, store, ada.user_id)
        wait_for_lock(database_settings)
        waiting = threads.submit(
            repository.record, record(user_id=ada.user_id, email=ada.email), None, began)
        deadline = time.monotonic() + 10
        while len(query(database_settings, """
                SELECT pid FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'""")) < 2:
            assert time.monotonic() < deadline, "the request does not wait"
        rival.rollback()
        assert erasing.result(30)
        with pytest.raises(Conflict):
            waiting.result(30)
    with pytest.raises(Conflict):
        repository.record(record(user_id=ada.user_id, email=ada.email), None, began)
    assert query(database_settings, "SELECT * FROM users") == []
    repository.record(
        record(user_id=ada.user_id, email=ada.email), None, time.perf_counter())
    with pytest.raises(Conflict):
        repository.record(record(user_id=ada.user_id, email=ada.email), None, began)
    assert len(query(database_settings, "SELECT * FROM images")) == 1


@pytest.fixture
def proxy(servers: Settings) -> Iterator[CuttingProxy]:
    """Stands between the function and the store."""
    host, _, port = servers.minio_endpoint.rpartition(":")
    with CuttingProxy(host, int(port)) as running:
        yield running


def history(settings: Settings, bucket: str, proxy: CuttingProxy, folder: Path) -> FunctionProcess:
    """The function as it runs in production."""
    return FunctionProcess("handler:app", ROOT / "functions" / "history", {
        **environment_of(settings),
        "MINIO_ENDPOINT": f"{proxy.host}:{proxy.port}", "MINIO_BUCKET_NAME": bucket,
        "MINIO_ACCESS_KEY": settings.minio_access_key,
        "MINIO_SECRET_KEY": settings.minio_secret_key, "LOG_DIR": str(folder)})


def delete(process: FunctionProcess, path: str, user: uuid.UUID) -> httpx.Response:
    return httpx.delete(
        f"http://{process.host}:{process.port}{path}", headers=tokens.bearer(user), timeout=30)


def wait_until_finished(settings: Settings) -> None:
    deadline = time.monotonic() + 30
    while query(settings, "SELECT * FROM erasures WHERE finished_at IS NULL"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill(process: FunctionProcess) -> None:
    """End the worker without a word; gunicorn starts another."""
    os.kill(process.worker(), signal.SIGKILL)


@pytest.mark.parametrize("bucket", ["plain"], indirect=True)
def test_killed_while_the_store_is_away(
    ada: Life, database_settings: Settings, bucket: str, client: S3Client, proxy: CuttingProxy,
    tmp_path: Path,
) -> None:
    """An erasure that a process leaves behind is finished by the next as soon as it can be."""
    ada.live()
    query(database_settings, "UPDATE storage_events SET due_at = now(), lease_token = NULL")
    proxy.cut_before(b"versions")
    with history(database_settings, bucket, proxy, tmp_path) as process:
        answer = delete(process, "/api/v1/users/me", ada.user_id)
        assert (answer.status_code, answer.json()) == (202, {"state": "pending"})
        assert rows_with(database_settings, [ada.email]) == {}
        assert objects_with(client, bucket, [ada.user_id], ada.contents) != []
        kill(process)
        proxy.heal()
        query(database_settings, "UPDATE erasures SET due_at = now()")  # as time does
        wait_until_finished(database_settings)
        assert delete(process, "/api/v1/users/me", ada.user_id).status_code == 204
    assert_nothing_is_left(database_settings, client, bucket, ada)


@pytest.mark.parametrize("bucket", ["plain"], indirect=True)
def test_killed_half_way(
    ada: Life, database_settings: Settings, bucket: str, client: S3Client, store: S3ObjectStore,
    proxy: CuttingProxy, tmp_path: Path,
) -> None:
    """A process that is killed while it removes objects leaves the rest to the next."""
    for number in range(120):
        ada.send(str(number))

    def count() -> int:
        return sum(1 for _ in store.list("2"))

    with history(database_settings, bucket, proxy, tmp_path) as process:
        asking = threading.Thread(target=lambda: pytest.raises(
            httpx.HTTPError, delete, process, "/api/v1/users/me", ada.user_id))
        asking.start()
        deadline = time.monotonic() + 30
        while count() > 118:
            assert time.monotonic() < deadline
        kill(process)
        asking.join(30)
        assert 0 < count() < 120
        query(database_settings, "UPDATE erasures SET due_at = now()")  # as time does
        wait_until_finished(database_settings)
    assert count() == 0
    assert_nothing_is_left(database_settings, client, bucket, ada)

"""Requests sent again with their key, before real servers and a process that may be killed."""
from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from common.config import Settings
from common.db import Database
from common.errors import CommitUnknown, Unavailable
from predict.idempotency.key import read_key
from predict.idempotency.repository import PostgresKeyRepository
from predict.idempotency.service import RepeatableClassification
from predict.repository import PostgresPredictionRepository
from predict.service import ClassificationService, Submission
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry
from tests import pictures
from tests.databases import add_model, connect, query, wait_for_lock
from tests.fakes.models import FixedLineup, fake_model
from tests.fakes.storage import InMemoryObjectStore
from tests.integration.predict.conftest import USER, Running
from tests.proxies import CuttingProxy

PICTURE = pictures.jpeg(60, 40)


def test_repeated(ready: Running) -> None:
    """What is sent again is answered with the same bytes, and one picture is stored."""
    first = ready.post(PICTURE, key="7", top_k="3")
    again = ready.post(PICTURE, key="7", top_k="3")
    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Model-Version"] == first.headers["X-Model-Version"]
    assert ready.counts() == (1, 1)


def test_refused(ready: Running) -> None:
    """Another request with the key is refused; another user's key is another one."""
    first = ready.post(PICTURE, key="7")
    other = ready.post(pictures.jpeg(61, 40), key="7")
    assert (first.status, other.status) == (200, 409)
    assert other.json()["type"] == "urn:imgclass:problem:key-reused"
    assert ready.post(pictures.jpeg(61, 40), user=uuid.uuid4(), key="7").status == 200
    assert ready.post(PICTURE, key="k" * 256).status == 400
    assert ready.counts() == (2, 2)


def test_many_at_once(ready: Running) -> None:
    """However many send the same at once, it is classified once and all get the answer."""
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: ready.post(PICTURE, key="7"), range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert len({answer.body for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert ready.counts() == (1, 1)


def test_killed_before_the_answer(ready: Running) -> None:
    """A request whose process was killed holds its key for a while; then it is answered, once."""
    with closing(connect(ready.settings)) as rival, ThreadPoolExecutor(1) as threads:
        rival.autocommit = False
        with rival.cursor() as cursor:
            cursor.execute("LOCK TABLE predictions")
        asked = threads.submit(ready.post, PICTURE, key="7")
        wait_for_lock(ready.settings)
        os.kill(ready.process.worker(), signal.SIGKILL)
        with pytest.raises(OSError):
            asked.result(30)
        query(ready.settings, """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'""")
        rival.rollback()
    ready.process.wait_for("/_/ready")
    busy = ready.post(PICTURE, key="7")
    assert (busy.status, busy.json()["type"]) == (409, "urn:imgclass:problem:in-progress")
    assert int(busy.headers["Retry-After"]) > 0
    query(ready.settings, "UPDATE idempotency_keys SET lease_until = now()")
    answers = [ready.post(PICTURE, key="7") for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    (row,) = query(ready.settings, "SELECT count(*) AS n FROM predictions")
    assert row["n"] == 1


@pytest.fixture
def proxy(database_settings: Settings) -> Iterator[CuttingProxy]:
    add_model(database_settings, "v1")
    with CuttingProxy(
            database_settings.postgres_host, database_settings.postgres_port) as running:
        yield running


@pytest.fixture
def service(
    database: Database, database_settings: Settings, proxy: CuttingProxy
) -> Iterator[RepeatableClassification]:
    """The service, whose predictions, unlike its keys, go through the proxy."""
    reached = replace(database_settings, postgres_host=proxy.host, postgres_port=proxy.port,
                      postgres_sslmode="disable")
    repository = PostgresPredictionRepository(Database(reached, size=1))
    telemetry = Telemetry(CollectorRegistry())
    shadow = ShadowScorer(repository, telemetry, max_pixels=1_000_000)
    with ThreadPoolExecutor(2) as threads:
        yield RepeatableClassification(
            ClassificationService(
                FixedLineup(fake_model()), InMemoryObjectStore(), repository, threads, shadow,
                telemetry, max_pixels=1_000_000),
            PostgresKeyRepository(database))
    shadow.close()


def submission() -> Submission:
    return Submission(
        data=PICTURE, filename="cup.jpg", user_id=USER, email="ada@example.org",
        request_id="request-1", top_k=1, key=read_key("7", USER, USER, None, PICTURE))


def test_commit_whose_answer_was_lost(
    service: RepeatableClassification, proxy: CuttingProxy, database_settings: Settings
) -> None:
    """A connection lost on the way back from COMMIT costs nothing: the answer is found."""
    proxy.cut_after(b"COMMIT")
    answer = service.classify(submission())
    assert not answer.replayed
    rows = query(database_settings, "SELECT prediction_id FROM predictions")
    assert [row["prediction_id"] for row in rows] == [answer.prediction_id]
    assert service.classify(submission()).prediction_id == answer.prediction_id


def test_commit_that_never_arrived(
    service: RepeatableClassification, proxy: CuttingProxy, database_settings: Settings
) -> None:
    """A connection lost on the way to COMMIT: nothing was stored, and sent again it is."""
    proxy.cut_before(b"COMMIT")
    with pytest.raises(Unavailable) as caught:
        service.classify(submission())
    assert not isinstance(caught.value, CommitUnknown)
    proxy.heal()
    answer = service.classify(submission())
    rows = query(database_settings, "SELECT prediction_id FROM predictions")
    assert [row["prediction_id"] for row in rows] == [answer.prediction_id]

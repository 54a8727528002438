"""Backfills with a real PostgreSQL and a real object store, among killed and rival workers."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from common.config import Settings
from common.db import Database
from common.errors import DatabaseUnavailable
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from model_admin.backfill.claims import PostgresBackfillClaims
from model_admin.backfill.orders import Filter, Order
from model_admin.backfill.repository import PostgresBackfillRepository, Row
from tests.contracts.backfills import ORIGIN, begun, claimed, ids, record, walk
from tests.databases import ROOT, query
from tests.environments import environment
from tests.integration.model_admin.backfill.archive import (
    PICTURE, ArchiveInPostgres, object_key)
from tests.integration.model_admin.backfill.worker import create_worker
from tests.proxies import CuttingProxy

LEASE_SECONDS = 1.0
DEADLINE_SECONDS = 30.0
OLD = "SELECT * FROM predictions WHERE backfill_id IS NULL ORDER BY prediction_id"


@dataclass
class World:
    """A database and an object store with pictures, and workers of v2 in other processes."""

    settings: Settings
    backfills: PostgresBackfillRepository
    archive: ArchiveInPostgres
    processes: ExitStack

    def add(self, count: int) -> list[uuid.UUID]:
        """Store pictures with an old prediction or two each."""
        store = S3ObjectStore(s3_client(self.settings, 1), self.settings.minio_bucket_name)
        added = []
        for number in range(count):
            image_id = self.archive.add()
            store.put(object_key(image_id), PICTURE, "image/png")
            if number % 3 == 0:
                self.archive.add_prediction(image_id)
            added.append(image_id)
        return sorted(added)

    def start(self, pictures_per_second: float) -> uuid.UUID:
        """Start a backfill of everything v1 has classified."""
        row = self.backfills.start(
            Order("v2", Filter(model_version="v1"), pictures_per_second), ORIGIN)
        assert row is not None
        backfill_id: uuid.UUID = row["backfill_id"]
        return backfill_id

    def row(self, backfill_id: uuid.UUID) -> Row:
        row = self.backfills.find(backfill_id)
        assert row is not None
        return row

    def spawn(self) -> subprocess.Popen[bytes]:
        """A worker that is killed when the test ends, if it was not before."""
        return self.processes.enter_context(worker_process(self.settings))

    def old_predictions(self) -> list[dict[str, Any]]:
        return query(self.settings, OLD)

    def wait(self, backfill_id: uuid.UUID, until: Callable[[Row], bool]) -> Row:
        """The backfill's row as soon as it is as it should be."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not until(row := self.row(backfill_id)):
            assert time.monotonic() < deadline, row
            time.sleep(0.01)
        return row


@contextmanager
def worker_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    environ = environment(**{
        name.upper(): str(getattr(settings, name)) for name in (
            "postgres_user", "postgres_password", "postgres_db", "postgres_host",
            "postgres_port", "minio_endpoint", "minio_access_key", "minio_secret_key",
            "minio_bucket_name")})
    folders = [ROOT, ROOT / "functions" / "model-admin", ROOT / "functions" / "predict"]
    with subprocess.Popen(
        [sys.executable, "-m", create_worker.__module__, str(LEASE_SECONDS)], cwd=ROOT,
        env={**environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def world(
    database_settings: Settings, backfills: PostgresBackfillRepository,
    archive: ArchiveInPostgres,
) -> Iterator[World]:
    with ExitStack() as processes:
        yield World(database_settings, backfills, archive, processes)


def ended(row: Row) -> bool:
    return bool(row["state"] != "running")


def test_killed_workers(world: World) -> None:
    """Whenever workers are killed, others go on: one prediction for each picture in the end."""
    added = world.add(60)
    before = world.old_predictions()
    backfill_id = world.start(pictures_per_second=40)
    for share in (5, 20, 35):
        process = world.spawn()
        seen = world.wait(backfill_id, lambda row: row["classified"] >= share)
        process.send_signal(signal.SIGKILL)
        assert process.wait(DEADLINE_SECONDS) == -signal.SIGKILL
        assert seen["state"] == "running"
        after = world.row(backfill_id)
        assert after["classified"] == len(world.archive.predictions(backfill_id)) < len(added)
    world.spawn()
    row = world.wait(backfill_id, ended)
    assert (row["state"], row["total"], row["classified"], row["failed"]) == (
        "done", len(added), len(added), 0)
    assert world.archive.predictions(backfill_id) == added
    assert world.old_predictions() == before


def test_two_workers_at_once(world: World) -> None:
    """Two workers share two backfills, and neither classifies what the other has."""
    added = world.add(30)
    world.spawn()
    world.spawn()
    started = [world.start(pictures_per_second=30) for _ in range(2)]
    for backfill_id in started:
        row = world.wait(backfill_id, ended)
        assert (row["state"], row["classified"], row["failed"]) == ("done", len(added), 0)
        assert world.archive.predictions(backfill_id) == added


def test_cancel_stops_a_worker(world: World) -> None:
    """Once a backfill is cancelled not one prediction more is recorded for it."""
    added = world.add(30)
    backfill_id = world.start(pictures_per_second=10)
    world.spawn()
    world.wait(backfill_id, lambda row: row["classified"] > 0)
    assert world.backfills.cancel(backfill_id, ORIGIN)
    kept = world.archive.predictions(backfill_id)
    # The worker is free again: it takes the next one.
    other = world.start(pictures_per_second=1000)
    assert world.wait(other, ended)["state"] == "done"
    row = world.row(backfill_id)
    assert (row["state"], row["classified"]) == ("cancelled", len(kept))
    assert world.archive.predictions(backfill_id) == kept == added[:len(kept)]


def test_rate(world: World) -> None:
    """A backfill takes at least as long as its rate says."""
    added = world.add(12)
    worker = create_worker(world.settings, LEASE_SECONDS)
    backfill_id = world.start(pictures_per_second=8)
    began = time.monotonic()
    assert worker.run_once()
    assert time.monotonic() - began >= len(added) / 8
    assert world.row(backfill_id)["classified"] == len(added)


def test_outage_of_the_store(world: World) -> None:
    """While the store is away the backfill waits and says so; then it goes on to its end."""
    added = world.add(20)
    host, port = world.settings.minio_endpoint.split(":")
    backfill_id = world.start(pictures_per_second=20)
    with CuttingProxy(host, int(port)) as proxy:
        cut_off = replace(world.settings, minio_endpoint=f"{proxy.host}:{proxy.port}")
        world.processes.enter_context(worker_process(cut_off))
        world.wait(backfill_id, lambda row: row["classified"] > 0)
        proxy.cut_before(b"GET ")
        row = world.wait(backfill_id, lambda row: row["problem"] is not None)
        assert (row["state"], row["problem"], row["failed"]) == (
            "running", "The object store does not answer.", 0)
        proxy.heal()
        row = world.wait(backfill_id, ended)
    assert (row["state"], row["classified"], row["failed"], row["problem"]) == (
        "done", len(added), 0, None)
    assert world.archive.predictions(backfill_id) == added


def test_lost_commits(world: World) -> None:
    """A connection lost while a batch is committed loses and doubles nothing."""
    added = world.add(20)
    backfill_id = world.start(pictures_per_second=20)
    with CuttingProxy(world.settings.postgres_host, world.settings.postgres_port) as proxy:
        shaky = replace(
            world.settings, postgres_host=proxy.host, postgres_port=proxy.port,
            postgres_sslmode="disable")
        with closing(Database(shaky, size=2)) as database:
            claims = PostgresBackfillClaims(database)
            claim = claimed(claims)
            batch = begun(claims, claim)
            for cut, kept in ((proxy.cut_before, 0), (proxy.cut_after, len(batch.pictures))):
                cut(b"COMMIT")
                with pytest.raises(DatabaseUnavailable):
                    record(claims, claim, batch)
                proxy.heal()
                world.wait(backfill_id, lambda row: row["classified"] == kept)
            assert ids(begun(claims, claim)) == added[8:16]
            assert walk(claims, claim, 8) == added[8:]
    assert world.archive.predictions(backfill_id) == added
    assert world.row(backfill_id)["classified"] == len(added)

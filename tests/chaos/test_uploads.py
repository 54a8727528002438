"""Whatever dies, and whatever the post loses: each uploaded picture is classified once."""
from __future__ import annotations

import hashlib
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from common.db import Database
from model_admin.events.repository import PostgresEventRepository
from model_admin.events.service import StorageEvents
from tests.chaos.load import picture
from tests.chaos.report import Report
from tests.chaos.rig import Rig
from tests.databases import query
from tests.servers import KINDS
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.tiny_model import TinyModel

PUTTERS, PAUSE_SECONDS = 2, 0.2
PATIENCE_SECONDS = 180.0
NAMES = ("cup {}.jpg", "a+b {}.jpg", "größe 寸法 {}.jpg", "50% {}.jpg", "'{}'.jpg", "{}/deep.jpg")


def put(client: Any, bucket: str, key: str, data: bytes) -> None:
    client.put_object(Bucket=bucket, Key=key, Body=data, ContentType="image/jpeg")


def put_in_parts(client: Any, bucket: str, key: str, data: bytes) -> None:
    started = client.create_multipart_upload(Bucket=bucket, Key=key, ContentType="image/jpeg")
    where = {"Bucket": bucket, "Key": key, "UploadId": started["UploadId"]}
    part = client.upload_part(**where, PartNumber=1, Body=data)
    client.complete_multipart_upload(
        **where, MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]})


def put_by_copy(client: Any, bucket: str, key: str, data: bytes) -> None:
    staged = f"staged/{hashlib.sha256(data).hexdigest()}"
    put(client, bucket, staged, data)
    client.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": staged})


WAYS: tuple[Callable[[Any, str, str, bytes], None], ...] = (put, put, put_in_parts, put_by_copy)


class Drop:
    """Puts pictures into the bucket as a plain client does: again, until the store says yes."""

    def __init__(self, rig: Rig, user: uuid.UUID, count: int) -> None:
        self._rig = rig
        self._user = user
        self._pictures = {number: picture(number) for number in range(count)}
        self.digests = {hashlib.sha256(data).digest(): data
                        for data in self._pictures.values()}
        assert len(self.digests) == count
        self._stopped = threading.Event()

    def all(self) -> None:
        """Return once every picture was put."""
        with ThreadPoolExecutor(PUTTERS) as threads:
            list(threads.map(self._one, self._pictures))

    def _one(self, number: int) -> None:
        client, bucket = self._rig.client(), self._rig.settings.minio_bucket_name
        time.sleep(random.uniform(0, 2 * PAUSE_SECONDS))
        key = f"uploads/{self._user}/{NAMES[number % len(NAMES)].format(number)}"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                WAYS[number % len(WAYS)](client, bucket, key, self._pictures[number])
                return
            except (BotoCoreError, ClientError):
                assert time.monotonic() < deadline, f"{key} cannot be put"
                time.sleep(0.2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("count", "rounds"), [(40, 1), pytest.param(1000, 10, marks=pytest.mark.full)])
def test_classified_once(
    kind: str, count: int, rounds: int, tiny: TinyModel, tmp_path: Path, report: Report
) -> None:
    """While every part is killed again and again, and a tenth of the notifications is lost,
    repeated or late: each picture has one image and one prediction and is byte-identical, nothing
    is left among the uploads, and what was seen adds up."""
    seed = count
    rig = Rig(tmp_path, kind, tiny, share=0.1, seed=seed)
    with rig.running(), ThreadPoolExecutor(1) as threads:
        user = rig.add_user()
        drop = Drop(rig, user, count)
        dropping = threads.submit(drop.all)
        killed = rig.kill_at_random(seed, rounds, lambda: not dropping.done())
        dropping.result()
        wait_until(lambda: is_settled(rig), PATIENCE_SECONDS)
        assert_classified_once(rig, user, drop.digests)
        report.add(f"{count} uploads, {kind}", {
            **{f"killed {name}": number for name, number in killed.items()},
            **rig.post.counts})


def test_nothing_announced(tiny: TinyModel, tmp_path: Path, report: Report) -> None:
    """Pictures of which no notification arrives at all are classified all the same."""
    rig = Rig(tmp_path, "seaweedfs", tiny, share=1.0, seed=1)
    with rig.running():
        user = rig.add_user()
        drop = Drop(rig, user, 10)
        rig.post.lose_everything()
        drop.all()
        wait_until(lambda: is_settled(rig), PATIENCE_SECONDS)
        assert_classified_once(rig, user, drop.digests)
        report.add("10 uploads, no notification", rig.post.counts)


def is_settled(rig: Rig) -> bool:
    """Whether nothing waits in the inbox nor among the uploads."""
    (row,) = query(rig.settings, "SELECT count(*) AS n FROM storage_events "
                   "WHERE state IN ('pending', 'classified')")
    return row["n"] == 0 and not any(rig.pictures().list("uploads/"))


def assert_classified_once(rig: Rig, user: uuid.UUID, digests: dict[bytes, bytes]) -> None:
    rows = query(rig.settings, "SELECT image_id, object_key, sha256, source FROM images "
                 "WHERE user_id = %s", str(user))
    states = Counter(row["state"] for row in query(
        rig.settings, "SELECT state FROM storage_events"))
    assert states.keys() <= {"done", "superseded"}, (states, rig.log())
    assert len(rows) == len(digests) == states["done"]
    assert {bytes(row["sha256"]) for row in rows} == digests.keys()
    predictions = query(
        rig.settings, "SELECT image_id FROM predictions WHERE user_id = %s", str(user))
    assert sorted(row["image_id"] for row in predictions) == sorted(
        row["image_id"] for row in rows)
    store = rig.pictures()
    found = completeness(rig)
    assert found["complete"] and found["adds_up"], found
    for row in rows:
        stored = b"".join(store.get(row["object_key"]).chunks)
        assert stored == digests[bytes(row["sha256"])]


def completeness(rig: Rig) -> dict[str, Any]:
    """What an administrator is told of all that was ever put into the bucket."""
    bucket = rig.settings.minio_bucket_name
    database = Database(rig.settings, size=1)
    try:
        repository = PostgresEventRepository(database, bucket)
        return StorageEvents(repository, rig.pictures()).completeness()
    finally:
        database.close()

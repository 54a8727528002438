"""What holds of a stack after something befell it under load."""
from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable

import pytest

from common.errors import NotFound
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from imgclass.embedded.functions import PREDICT
from imgclass.embedded.stack import Stack
from tests.chaos.load import UNTOLD, Load
from tests.chaos.report import Report
from tests.databases import query
from tests.e2e.access import settings_of, token_of
from tests.waiting import wait_until

PATIENCE_SECONDS = 90.0
ENOUGH = 15
# What predict works on at once, and what each of these may leave open for the next: a connection
# to the database, with its descriptor, and one to the store.
THREADS, KEPT_OPEN = 8, 3
BROKEN = {"500", "history 500", UNTOLD, f"history {UNTOLD}"}
IMAGES = """
    SELECT prediction_id::text, images.image_id::text, object_key, sha256
    FROM images LEFT JOIN predictions USING (image_id)
    WHERE images.user_id = %s
"""


def survive(
    stack: Stack, strike: Callable[[], float], what: str, report: Report, clients: int = 3
) -> Load:
    """Have it happen under load, and hold what was acknowledged against what is there.

    `strike` answers when it was over, in seconds since the epoch.
    """
    token, user_id = token_of(stack, f"{uuid.uuid4()}@example.com")
    before = resources(stack)
    with Load(stack.gateway.url, token, user_id, clients) as load:
        wait_until(lambda: len(load.acknowledged) >= ENOUGH, PATIENCE_SECONDS)
        over_at = strike()
        wait_until(lambda: load.back_at(over_at) is not None
                   and len(load.answered_since(over_at)) >= ENOUGH, PATIENCE_SECONDS)
    back_at = load.back_at(over_at)
    assert back_at is not None
    assert_kept(stack, load, user_id)
    assert not load.refused.keys() & BROKEN
    allowed = before + 10 + KEPT_OPEN * min(clients, THREADS)
    wait_until(lambda: resources(stack) <= allowed, PATIENCE_SECONDS)
    report.add(what, {
        "acknowledged": len(load.acknowledged),
        "read": len(load.read_at),
        **{f"refused ({how})": count for how, count in sorted(load.refused.items())},
        "ms until it answered again": round((back_at - over_at) * 1000),
        "MiB of predict": memory(stack)})
    return load


def assert_kept(stack: Stack, load: Load, user_id: str) -> None:
    """Each acknowledged prediction has its row and its object, and each row has its object."""
    rows = query(settings_of(stack), IMAGES, user_id)
    by_prediction = {row["prediction_id"]: row for row in rows}
    settings = settings_of(stack)
    store = S3ObjectStore(s3_client(settings, 2), settings.minio_bucket_name)
    for told in load.acknowledged:
        row = by_prediction[told.prediction_id]
        assert (row["image_id"], bytes(row["sha256"])) == (told.image_id, told.sha256)
    for row in rows:
        assert row["prediction_id"] is not None
        try:
            data = b"".join(store.get(row["object_key"]).chunks)
        except NotFound:
            pytest.fail(f"{row['object_key']} is gone")
        assert hashlib.sha256(data).digest() == bytes(row["sha256"])


def resources(stack: Stack) -> int:
    """Connections to the database, and files predict has open."""
    (row,) = query(settings_of(stack), "SELECT count(*) AS n FROM pg_stat_activity "
                   "WHERE datname = current_database()")
    process = stack.processes.running(PREDICT)
    files = sum(each.num_fds() for each in process.children()) if process else 0
    connections: int = row["n"]
    return connections + files


def memory(stack: Stack) -> int:
    """Resident memory of predict and its worker, in MiB."""
    usage = stack.status()[PREDICT]
    assert usage is not None, "predict does not run"
    return usage.memory_bytes >> 20

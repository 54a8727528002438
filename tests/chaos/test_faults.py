"""Every part of the stack killed or hanging under load: what was acknowledged is there."""
from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator

import pytest

from common.errors import NotFound
from common.storage import S3ObjectStore, s3_client
from imgclass.embedded.functions import PREDICT
from imgclass.embedded.stack import Stack
from tests.chaos.faults import Fault
from tests.chaos.load import Load
from tests.chaos.report import Report
from tests.chaos.rig import wait_until
from tests.databases import query
from tests.e2e.access import settings_of, token_of
from tests.stacks import running_stack

PARTS = ("postgres", "s3", "predict", "history", "gateway")
SECONDS = 3.0
PATIENCE_SECONDS = 90.0
ENOUGH = 15
IMAGES = """
    SELECT prediction_id::text, images.image_id::text, object_key, sha256
    FROM images LEFT JOIN predictions USING (image_id)
    WHERE images.user_id = %s
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.mark.parametrize("part", [
    "predict", "postgres", *(pytest.param(each, marks=pytest.mark.full) for each in PARTS
                             if each not in ("predict", "postgres"))])
def test_killed(stack: Stack, part: str, report: Report) -> None:
    """A part that is killed under load and comes back costs no acknowledged prediction."""
    fault = Fault(stack, part, SECONDS)
    survive(fault, fault.kill, f"{part} killed", report)


@pytest.mark.parametrize("part", [
    "s3", *(pytest.param(each, marks=pytest.mark.full) for each in PARTS if each != "s3")])
def test_paused(stack: Stack, part: str, report: Report) -> None:
    """A part that hangs under load and then goes on costs no acknowledged prediction."""
    fault = Fault(stack, part, SECONDS)
    survive(fault, fault.pause, f"{part} paused for {SECONDS:g} s", report)


def survive(fault: Fault, strike: Callable[[], None], what: str, report: Report) -> None:
    """Have it happen under load, and hold what was acknowledged against what is there."""
    stack = fault.stack
    token, user_id = token_of(stack, f"{uuid.uuid4()}@example.com")
    before = resources(stack)
    with Load(stack.gateway.url, token, user_id) as load:
        wait_until(lambda: len(load.acknowledged) >= ENOUGH, PATIENCE_SECONDS)
        strike()
        wait_until(
            lambda: len(load.answered_since(fault.returned_at)) >= ENOUGH, PATIENCE_SECONDS)
    recovered = min(each.at for each in load.answered_since(fault.returned_at))
    assert_kept(stack, load, user_id)
    wait_until(lambda: resources(stack) <= before + 10, PATIENCE_SECONDS)
    report.add(what, {
        "acknowledged": len(load.acknowledged),
        **{f"refused ({how})": count for how, count in sorted(load.refused.items())},
        "ms until it answered again": round((recovered - fault.returned_at) * 1000)})


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

"""docs/operations.md, run as it stands on a stack of its own."""
from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from imgclass.client import Client
from imgclass.embedded import secret_files
from imgclass.embedded.postgres import ADMIN, DATABASE
from imgclass.embedded.stack import Stack
from imgclass.errors import ClientError
from imgclass.results.predictions import Prediction
from tests.documentation import Block, blocks
from tests.e2e.access import client_of, settings_of
from tests.e2e.documentation.shells import Shell
from tests.servers import ROOT
from tests.waiting import wait_until

COFFEE = ROOT / "examples/pictures/coffee.jpg"
FOLLOWED = "follow-this-one"
PAGE = [each for each in blocks("docs/operations.md") if each.is_run]
SIMPLE = {"Upgrade", "Disk"}
SETTINGS, *_ = (each for each in PAGE if each.heading == "Operations")

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@pytest.fixture(scope="module")
def shell(own_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(own_stack, tmp_path_factory.mktemp("shell"), {})


@pytest.fixture
def client(own_stack: Stack) -> Iterator[Client]:
    with client_of(own_stack, "keeper@example.com") as client:
        yield client


def section(heading: str) -> list[Block]:
    return [SETTINGS, *(each for each in PAGE if each.heading == heading)]


def destroy(stack: Stack) -> None:
    """Drop the database and remove every object, under the functions' feet."""
    settings = settings_of(stack)
    client = s3_client(settings, 1)
    for bucket in (settings.minio_bucket_name, settings.models_bucket_name):
        store = S3ObjectStore(client, bucket)
        for each in store.list(""):
            store.delete(each.key)
        assert not [*store.list("")]
    with closing(psycopg2.connect(
            host=settings.postgres_host, port=settings.postgres_port, user=ADMIN,
            dbname="postgres",
            password=secret_files.read(stack.layout.secrets, "postgres-admin-password"),
    )) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def answers(client: Client, prediction: Prediction) -> bool:
    """Whether the service has the prediction, and a model to classify with."""
    try:
        client.prediction(prediction.prediction_id)
        client.predict(COFFEE)
    except ClientError:
        return False
    return True


def test_backup_and_restore(own_stack: Stack, shell: Shell, client: Client) -> None:
    """After everything was destroyed, the page's commands bring back a prediction with all its
    fields, its picture byte for byte, and a service that classifies."""
    before = client.predict(COFFEE)
    lineage = client.prediction(before.prediction_id)
    assert "images: " in shell.run(section("Backup"))[-1]
    destroy(own_stack)
    restored, swept = section("Restore")[1:]
    assert "objects put back" in shell.run([SETTINGS, restored])[-1]
    wait_until(lambda: answers(client, before), 60)
    assert client.prediction(before.prediction_id) == lineage
    assert client.image_content(before.image_id) == COFFEE.read_bytes()
    assert client.predict(COFFEE).predicted_class == before.predicted_class
    report = json.loads(shell.run([SETTINGS, swept])[-1])
    assert not report["skipped"]


def test_one_request_followed(own_stack: Stack, shell: Shell) -> None:
    """One request id leads from the answer through the gateway's log, predict's log and the row
    to the picture in the store, by the page's commands."""
    ask, *follow = section("One request, followed by its request id")[1:]
    answer = json.loads(shell.run([ask])[0])
    logs = [own_stack.layout.logs / name for name in ("gateway-access.log", "predict.jsonl")]
    wait_until(lambda: all(FOLLOWED in log.read_text("utf-8") for log in logs))
    _, gateway, function, row, listed = shell.run([SETTINGS, *follow])
    assert json.loads(gateway)["status"] == json.loads(function)["status"] == 200
    assert json.loads(gateway)["path"] == "/api/v1/predict"
    assert answer["prediction_id"] in row
    modified, size, key = listed.split()
    assert int(size) == COFFEE.stat().st_size
    assert answer["image_id"] in key and key in row


def test_every_section_is_run() -> None:
    """The tests here run every block of the page that is not marked."""
    tried = {"Operations", "Backup", "Restore", "One request, followed by its request id"}
    assert {each.heading for each in PAGE} == tried | SIMPLE


def test_other_sections(shell: Shell) -> None:
    """The commands for an upgrade, and those that show the disk's use, work."""
    *_, sizes = shell.run([SETTINGS, *(each for each in PAGE if each.heading in SIMPLE)])
    assert "predictions" in sizes

"""The embedded S3 server, for real: who gets in, and what it survives."""
from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from mypy_boto3_s3 import S3Client

from imgclass.embedded import secret_files
from imgclass.embedded.identity import wait_for_end
from imgclass.embedded.objectstore import ObjectStore
from tests.servers import KINDS, functions_keys, object_store, prepared, s3_client_of

BODY = os.urandom(300_000)


@pytest.fixture(scope="module", params=KINDS)
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ObjectStore]:
    """Each kind of server."""
    store = object_store(
        prepared(tmp_path_factory.mktemp("a path, with a $pace")), request.param)
    try:
        assert store.start() is True
        yield store
    finally:
        store.stop()


def client(store: ObjectStore, **keys: str) -> S3Client:
    """With the functions' keys, unless others are named."""
    return s3_client_of(store, {**functions_keys(store), **keys})


def process(store: ObjectStore) -> psutil.Process:
    found = store.processes.running("s3")
    assert found is not None
    return found


def listening(store: ObjectStore) -> list[tuple[str, int]]:
    return [(each.laddr.ip, each.laddr.port) for each in process(store).net_connections("inet")
            if each.laddr and each.status == psutil.CONN_LISTEN]


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (http.client.HTTPException, OSError):
        return 0  # it speaks another protocol
    finally:
        connection.close()


def read(store: ObjectStore, key: str) -> bytes:
    return client(store).get_object(Bucket="images", Key=key)["Body"].read()


def test_both_buckets_are_there(store: ObjectStore) -> None:
    """The buckets for pictures and models are made, and empty."""
    names = [each["Name"] for each in client(store).list_buckets()["Buckets"]]
    assert sorted(names) == ["images", "models"]
    for name in names:
        assert client(store).list_objects_v2(Bucket=name)["KeyCount"] == 0


def test_nothing_listens_outside(store: ObjectStore) -> None:
    """Every port is on the loopback interface."""
    assert {host for host, _ in listening(store)} <= {"127.0.0.1", "::1"}
    assert ("127.0.0.1", store.port) in listening(store)


def test_nobody_reads_without_keys(store: ObjectStore) -> None:
    """An object is not served to who has no keys, on whichever port they ask."""
    client(store).put_object(Bucket="images", Key="private", Body=b"x")
    answers = {get(port, path) for _, port in listening(store)
               for path in ("/images/private", "/buckets/images/private")}
    assert 200 not in answers
    assert get(store.port, "/images/private") == 403


def test_wrong_keys_are_refused(store: ObjectStore) -> None:
    """A secret key that is not the right one opens nothing."""
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(store, MINIO_SECRET_KEY="not the right key at all").list_buckets()


def test_keys_are_not_in_the_arguments(store: ObjectStore) -> None:
    """What any user of the machine can list names no secret."""
    words = " ".join(process(store).cmdline())
    for name in secret_files.GENERATORS:
        assert secret_files.read(store.layout.secrets, name) not in words


def test_developers_credentials_stay_out(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS settings and proxies of the developer's own have no influence."""
    for name, value in {
        "AWS_PROFILE": "missing", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    assert store.start() is False
    assert not [name for name in process(store).environ() if name.startswith(("AWS_", "S3_"))]


def test_second_start_changes_nothing(store: ObjectStore) -> None:
    """A server that runs is left as it is."""
    before = process(store)
    assert store.start() is False
    assert process(store) == before


@pytest.mark.parametrize("round", range(2))
def test_objects_survive_a_stop(store: ObjectStore, round: int) -> None:
    """An object can be read as soon as the server is up again; stopping leaves no process."""
    client(store).put_object(Bucket="images", Key=f"stopped-{round}", Body=BODY)
    members = [process(store), *process(store).children(recursive=True)]
    store.processes.stop(["s3"])
    assert wait_for_end(members, 0) == []
    assert store.start() is True
    assert read(store, f"stopped-{round}") == BODY


@pytest.mark.parametrize("round", range(2))
def test_objects_survive_a_kill(store: ObjectStore, round: int) -> None:
    """An object that was stored is there after kill -9."""
    client(store).put_object(Bucket="images", Key=f"killed-{round}", Body=BODY)
    process(store).kill()
    assert store.start() is True
    assert read(store, f"killed-{round}") == BODY


def test_two_run_side_by_side(
    store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A second stack's server has ports and objects of its own."""
    kind = store.choose().kind
    second = object_store(prepared(tmp_path_factory.mktemp("second")), kind)
    try:
        second.start()
        client(store).put_object(Bucket="images", Key="mine", Body=b"x")
        assert client(second).list_objects_v2(Bucket="images")["KeyCount"] == 0
        assert not set(listening(store)) & set(listening(second))
    finally:
        second.stop()


def test_data_of_earlier_releases(
    store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What was written when the functions' keys could do everything is theirs to use still."""
    layout = prepared(tmp_path_factory.mktemp("earlier"))
    own = object_store(layout, store.choose().kind)
    server, data = own.choose(), layout.objects / own.choose().kind
    command = server.command("s3", data, partial(own.ports.settle, False))
    own.port = own.ports.settle(False, "s3")
    keys = functions_keys(own)

    def let_in_everywhere() -> None:
        server.prepare(data)
        identities = layout.secrets / "seaweedfs-identities.json"
        secret_files.write(identities, json.dumps({"identities": [{
            "name": "imgclass", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            "credentials": [{"accessKey": keys["MINIO_ACCESS_KEY"],
                             "secretKey": keys["MINIO_SECRET_KEY"]}]}]}))

    def stores_objects() -> bool:
        try:
            for bucket in ("images", "models"):
                with suppress(client(own).exceptions.BucketAlreadyOwnedByYou):
                    client(own).create_bucket(Bucket=bucket)
                client(own).put_object(Bucket=bucket, Key="earlier", Body=BODY)
            return True
        except (ClientError, BotoCoreError):
            return False

    try:
        own.processes.ensure(
            replace(command, environment={
                **command.environment, "MINIO_ROOT_USER": keys["MINIO_ACCESS_KEY"],
                "MINIO_ROOT_PASSWORD": keys["MINIO_SECRET_KEY"]}),
            stores_objects, 60, let_in_everywhere)
        assert own.start() is True
        for bucket in ("images", "models"):
            assert client(own).get_object(
                Bucket=bucket, Key="earlier")["Body"].read() == BODY
            client(own).delete_object(Bucket=bucket, Key="earlier")
        with pytest.raises(ClientError, match="AccessDenied"):
            client(own).create_bucket(Bucket="more")
    finally:
        own.stop()

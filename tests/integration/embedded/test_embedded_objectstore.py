"""The embedded S3 server, for real: who gets in, and what it survives."""
from __future__ import annotations

import http.client
import os
import shutil
from collections.abc import Iterator

import psutil
import pytest
from botocore.exceptions import ClientError

from imgclass.embedded import secret_files
from imgclass.embedded.identity import wait_for_end
from imgclass.embedded.objectstore import ObjectStore
from imgclass.embedded.ports import Ports
from imgclass.embedded.process import Processes
from tests.servers import SEARCH_PATH, prepared

MINIO = shutil.which("minio", path=SEARCH_PATH)
BODY = os.urandom(300_000)


@pytest.fixture(scope="module", params=[
    "seaweedfs",
    pytest.param("minio", marks=pytest.mark.skipif(not MINIO, reason="minio is not on PATH"))])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ObjectStore]:
    """Each kind of server."""
    layout = prepared(tmp_path_factory.mktemp("a path, with a $pace"))
    (layout.objects / request.param).mkdir()
    store = ObjectStore(
        layout, Processes(layout.run, layout.logs), Ports(layout.ports), SEARCH_PATH)
    try:
        assert store.start() is True
        yield store
    finally:
        store.stop()


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
    return store.client().get_object(Bucket="images", Key=key)["Body"].read()


def test_both_buckets_are_there(store: ObjectStore) -> None:
    """The buckets for pictures and models are made, and empty."""
    client = store.client()
    assert {each["Name"] for each in client.list_buckets()["Buckets"]} == {"images", "models"}
    assert client.list_objects_v2(Bucket="models")["KeyCount"] == 0


def test_nothing_listens_outside(store: ObjectStore) -> None:
    """Every port is on the loopback interface."""
    assert {host for host, _ in listening(store)} <= {"127.0.0.1", "::1"}
    assert ("127.0.0.1", store.port) in listening(store)


def test_nobody_reads_without_keys(store: ObjectStore) -> None:
    """An object is not served to who has no keys, on whichever port they ask."""
    store.client().put_object(Bucket="images", Key="private", Body=b"x")
    answers = {get(port, path) for _, port in listening(store)
               for path in ("/images/private", "/buckets/images/private")}
    assert 200 not in answers
    assert get(store.port, "/images/private") == 403


def test_wrong_keys_are_refused(store: ObjectStore) -> None:
    """A secret key that is not the right one opens nothing."""
    path = store.layout.secrets / "minio-secret-key"
    right = path.read_text()
    secret_files.write(path, "not the right key at all")
    try:
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            store.client().list_buckets()
    finally:
        secret_files.write(path, right)


def test_keys_are_not_in_the_arguments(store: ObjectStore) -> None:
    """What any user of the machine can list names no secret."""
    words = " ".join(process(store).cmdline())
    for name in ("minio-access-key", "minio-secret-key"):
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
    assert store.client().list_buckets()["Buckets"]
    assert not [name for name in process(store).environ() if name.startswith(("AWS_", "S3_"))]


def test_second_start_changes_nothing(store: ObjectStore) -> None:
    """A server that runs is left as it is."""
    before = process(store)
    assert store.start() is False
    assert process(store) == before


@pytest.mark.parametrize("round", range(2))
def test_objects_survive_a_stop(store: ObjectStore, round: int) -> None:
    """An object can be read as soon as the server is up again; stopping leaves no process."""
    store.client().put_object(Bucket="images", Key=f"stopped-{round}", Body=BODY)
    members = [process(store), *process(store).children(recursive=True)]
    store.processes.stop(["s3"])
    assert wait_for_end(members, 0) == []
    assert store.start() is True
    assert read(store, f"stopped-{round}") == BODY


@pytest.mark.parametrize("round", range(2))
def test_objects_survive_a_kill(store: ObjectStore, round: int) -> None:
    """An object that was stored is there after kill -9."""
    store.client().put_object(Bucket="images", Key=f"killed-{round}", Body=BODY)
    process(store).kill()
    assert store.start() is True
    assert read(store, f"killed-{round}") == BODY


def test_two_run_side_by_side(
    store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A second stack's server has ports and objects of its own."""
    layout = prepared(tmp_path_factory.mktemp("second"))
    second = ObjectStore(
        layout, Processes(layout.run, layout.logs), Ports(layout.ports), SEARCH_PATH)
    try:
        second.start()
        store.client().put_object(Bucket="images", Key="mine", Body=b"x")
        assert second.client().list_objects_v2(Bucket="images")["KeyCount"] == 0
        assert not set(listening(store)) & set(listening(second))
    finally:
        second.stop()

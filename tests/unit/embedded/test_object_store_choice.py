"""Which S3 server is run, and how."""
from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imgclass.embedded import secret_files, seaweedfs
from imgclass.embedded.errors import StackError
from imgclass.embedded.layout import Layout
from imgclass.embedded.minio import MinIO
from imgclass.embedded.objectstore import ObjectStore
from imgclass.embedded.ports import Ports
from imgclass.embedded.process import Processes
from imgclass.embedded.seaweedfs import (
    GRPC_OFFSET, SeaweedFS, is_usable, remove_sockets)
from imgclass.embedded.webhook import Webhook
from tests.servers import prepared

WEBHOOK = Webhook("http://127.0.0.1:1/events/storage")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return prepared(tmp_path)


@pytest.fixture
def minio_folder(tmp_path: Path) -> str:
    """A folder for PATH that has a `minio`."""
    program = tmp_path / "bin" / "minio"
    program.parent.mkdir()
    program.touch(0o755)
    return str(program.parent)


def kind(layout: Layout, search_path: str) -> str:
    store = ObjectStore(
        layout, Processes(layout.run, layout.logs), Ports(layout.ports), search_path)
    return store.choose().kind


def numbered() -> Callable[..., int]:
    """Settles ports from 20000 on, by name."""
    ports: dict[str, int] = {}
    return lambda name, usable=None: ports.setdefault(name, 20000 + len(ports))


def test_minio_is_preferred(layout: Layout, minio_folder: str) -> None:
    """At the first start MinIO is taken where it is on PATH, else SeaweedFS."""
    assert kind(layout, minio_folder) == "minio"
    assert kind(layout, "/nowhere") == "seaweedfs"


@pytest.mark.parametrize("used", ["minio", "seaweedfs"])
def test_choice_stays_with_the_data(layout: Layout, minio_folder: str, used: str) -> None:
    """Objects are only ever opened by the server that wrote them."""
    (layout.objects / used).mkdir()
    assert kind(layout, minio_folder) == used


def test_lost_server_is_one_line(layout: Layout) -> None:
    """Objects whose server is gone are not left for another server's."""
    (layout.objects / "minio").mkdir()
    with pytest.raises(StackError, match="were written by minio, which is not on PATH any more"):
        kind(layout, "/nowhere")


@pytest.mark.parametrize("server", [MinIO, SeaweedFS])
def test_keys_are_not_in_the_arguments(
    layout: Layout, server: type[MinIO] | type[SeaweedFS]
) -> None:
    """What any user of the machine can list names no secret."""
    command = server(layout, "/nowhere", WEBHOOK).command("s3", layout.objects / "x", numbered())
    for name in secret_files.GENERATORS:
        assert secret_files.read(layout.secrets, name) not in " ".join(command.argv)


def test_seaweedfs_is_kept_to_itself(layout: Layout) -> None:
    """SeaweedFS listens on loopback ports of its own, reports to nobody, and asks for keys."""
    server = SeaweedFS(layout, "/nowhere", None)
    command = server.command("s3", layout.objects / "seaweedfs", numbered())
    options = dict(word[1:].split("=", 1) for word in command.argv[3:])
    assert options["ip"] == options["ip.bind"] == "127.0.0.1"
    ports = [int(options[f"{part}.port"]) for part in ("master", "volume", "filer", "admin", "s3")]
    assert sorted(ports) == list(range(20000, 20005))
    assert {options[name] for name in ("master.telemetry", "admin.ui", "webdav", "s3.iam")} == {
        "false"}
    assert options["disableHttp"] == "true"
    server.prepare(layout.objects)
    assert Path(options["s3.config"]).stat().st_mode & 0o777 == 0o600


def test_seaweedfs_limits_the_functions(layout: Layout) -> None:
    """The administrator's keys and the functions' are two; theirs come with MinIO's policy."""
    server = SeaweedFS(layout, "/nowhere", None)
    server.prepare(layout.objects)
    found = json.loads((layout.secrets / "seaweedfs-identities.json").read_text())
    root, functions = found["identities"]
    for identity, key in ((root, "minio-root-user"), (functions, "minio-access-key")):
        (credential,) = identity["credentials"]
        assert credential["accessKey"] == secret_files.read(layout.secrets, key)
    assert (root["actions"], "policyNames" in root) == (["Admin"], False)
    (policy,) = found["policies"]
    assert functions["policyNames"] == [policy["name"]]
    resources = {resource for statement in json.loads(policy["content"])["Statement"]
                 for resource in statement["Resource"]}
    assert resources == {f"arn:aws:s3:::{name}" for name in (
        "images", "images/*", "models", "models/*")}


def test_seaweedfs_announces_uploads(layout: Layout) -> None:
    """It tells predict of uploads alone, with a token that nobody else can read."""
    data = layout.objects / "seaweedfs"
    data.mkdir()
    SeaweedFS(layout, "/nowhere", WEBHOOK).prepare(data)
    file = data / "notification.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    token = secret_files.read(layout.secrets, "events-token")
    assert file.read_text().splitlines() == [
        "[notification.webhook]", "enabled = true", f'endpoint = "{WEBHOOK.url}"',
        f'bearer_token = "{token}"', 'event_types = ["create", "update"]',
        'path_prefixes = ["/buckets/images/uploads/"]']
    SeaweedFS(layout, "/nowhere", None).prepare(data)
    assert file.read_text() == ""


@pytest.mark.parametrize("server", [MinIO, SeaweedFS])
def test_other_webhook_is_another_command(
    layout: Layout, server: type[MinIO] | type[SeaweedFS]
) -> None:
    """A server that tells another port, or nobody, of uploads is out of date."""
    webhooks = (None, WEBHOOK, Webhook("http://127.0.0.1:2/events/storage"))
    commands = [server(layout, "/nowhere", webhook).command("s3", layout.objects, numbered())
                for webhook in webhooks]
    assert len({command.fingerprint for command in commands}) == 3


def test_seaweedfs_forgets_earlier_options(layout: Layout) -> None:
    """Options that an earlier start saved with the data have no say in the next."""
    data = layout.objects / "seaweedfs"
    (data / "m12345").mkdir(parents=True)
    (data / "mini.options").write_text("ip.bind=0.0.0.0")
    (data / "images_1.dat").touch()
    SeaweedFS(layout, "/nowhere", None).prepare(data)
    assert {path.name for path in data.iterdir()} == {"images_1.dat", "notification.toml"}


def test_seaweedfs_needs_a_second_port(layout: Layout) -> None:
    """A port is of no use where its gRPC twin is taken."""
    port = Ports(layout.ports).settle(False, "s3", is_usable)
    assert is_usable(port)
    with socket.create_server(("127.0.0.1", port + GRPC_OFFSET)):
        assert not is_usable(port)


def test_seaweedfs_avoids_foreign_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout
) -> None:
    """A socket another user's server has left in /tmp makes its port unusable, ours does not."""
    monkeypatch.setattr(seaweedfs, "SOCKET_FOLDER", tmp_path)
    port = Ports(layout.ports).settle(False, "s3", is_usable)
    (tmp_path / f"seaweedfs-master-grpc-{port + GRPC_OFFSET}.sock").touch()
    assert is_usable(port)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert not is_usable(port)


def test_seaweedfs_sockets_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sockets of a stopped server are removed, other servers' and other users' stay."""
    monkeypatch.setattr(seaweedfs, "SOCKET_FOLDER", tmp_path)
    mine, other = (tmp_path / f"seaweedfs-filer-grpc-{port}.sock" for port in (22001, 22002))
    for path in (mine, other):
        path.touch()
    remove_sockets([12001])
    assert (mine.exists(), other.exists()) == (False, True)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    remove_sockets([12002])
    assert other.exists()


def test_minio_is_kept_to_itself(layout: Layout, minio_folder: str) -> None:
    """MinIO listens on loopback ports of its own, without its console, and looks for no update."""
    server = MinIO(layout, minio_folder, None)
    command = server.command("s3", layout.objects / "minio", numbered())
    assert command.argv == (
        f"{minio_folder}/minio", "server", "--quiet", "--address", "127.0.0.1:20000",
        "--console-address", "127.0.0.1:20001", "minio")
    assert command.directory == layout.objects
    assert command.environment["MINIO_BROWSER"] == command.environment["MINIO_UPDATE"] == "off"
    assert command.environment["MINIO_ROOT_USER"] == secret_files.read(
        layout.secrets, "minio-root-user")
    assert not [name for name in command.environment if "NOTIFY" in name]


def test_minio_announces_uploads(layout: Layout) -> None:
    """MinIO tells predict before it answers; on request it keeps what it cannot tell."""
    def notification(webhook: Webhook) -> dict[str, str]:
        command = MinIO(layout, "/nowhere", webhook).command("s3", layout.objects, numbered())
        return {name: value for name, value in command.environment.items()
                if name.startswith(("MINIO_NOTIFY_", "MINIO_API_"))}

    expected = {
        "MINIO_NOTIFY_WEBHOOK_ENABLE_IMGCLASS": "on",
        "MINIO_NOTIFY_WEBHOOK_ENDPOINT_IMGCLASS": WEBHOOK.url,
        "MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_IMGCLASS": secret_files.read(
            layout.secrets, "events-token"),
        "MINIO_API_SYNC_EVENTS": "on",
    }
    assert notification(WEBHOOK) == expected
    assert notification(replace(WEBHOOK, queued=True)) == {
        **expected, "MINIO_NOTIFY_WEBHOOK_QUEUE_DIR_IMGCLASS": str(layout.events)}

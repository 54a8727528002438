"""SeaweedFS as the S3 server: all of its parts in one process."""
from __future__ import annotations

import json
import os
import shutil
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path
from string import Template

from imgclass.embedded import buckets, secret_files
from imgclass.embedded.environment import clean
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import LOOPBACK, is_free
from imgclass.embedded.process import Command
from imgclass.embedded.webhook import Webhook

PROGRAM = "weed"
# Each part has a gRPC port as well, and a worker that knows no other way finds the admin part's
# at this distance.
GRPC_OFFSET = 10_000
PARTS = ("master", "volume", "filer", "admin")
SOCKET_FOLDER = Path("/tmp")  # nosec B108  # where weed itself puts them; only removed here
# What the functions may do stands there, for MinIO and for SeaweedFS.
POLICY, POLICY_NAME = Path("deploy", "minio", "functions-policy.json"), "imgclass-functions"
# The filer looks for a file of this name in its working directory.
NOTIFICATION = "notification.toml"


class SeaweedFS:
    """Installed as a Python package, so it is always there."""

    kind = "seaweedfs"

    def __init__(self, layout: Layout, search_path: str, webhook: Webhook | None) -> None:
        self._layout = layout
        self._search_path = search_path
        self._webhook = webhook
        self._program = shutil.which(PROGRAM, path=sysconfig.get_path("scripts"))

    def is_installed(self) -> bool:
        return self._program is not None

    def command(self, name: str, data: Path, settle: Callable[..., int]) -> Command:
        """`settle(name, usable)` chooses the ports."""
        port = {part: settle(f"{name}-{part}", is_usable) for part in PARTS}
        options = {
            "dir": ".",  # a list separated by commas, which the path may contain
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "s3.port": str(settle(name, is_usable)),
            **{f"{part}.port": str(port[part]) for part in PARTS},
            "s3.config": str(self._identities),
            # Without these the filer, which asks for no password, would serve every object.
            "disableHttp": "true",
            "s3.iam": "false",
            "admin.ui": "false",
            "webdav": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "master.telemetry": "false",
            # A master that takes up its old state turns the first heartbeat of the volumes away,
            # and no object can be read for 5 s. It learns all it needs from the heartbeat.
            "master.resumeState": "false",
            "s3.localSocket": "s3.sock",
            "filer.localSocket": "filer.sock",
        }
        flags = [f"-{option}={value}" for option, value in options.items()]
        return Command(
            name=name, argv=(str(self._program), "-logtostderr=true", "mini", *flags),
            environment=clean(self._layout, self._search_path, {}), directory=data,
            content=self._identities_json() + self._notification_toml())

    def prepare(self, data: Path) -> None:
        """Write the configuration, and forget the options and the masters of earlier starts."""
        secret_files.write(self._identities, self._identities_json())
        secret_files.write(data / NOTIFICATION, self._notification_toml())
        (data / "mini.options").unlink(missing_ok=True)
        for master in data.glob("m[0-9]*"):
            shutil.rmtree(master)

    def setup_options(self) -> tuple[str, ...]:
        """Both stand in its configuration."""
        return ("--no-notification", "--no-user")

    @property
    def _identities(self) -> Path:
        return self._layout.secrets / "seaweedfs-identities.json"

    def _identities_json(self) -> str:
        policy = (self._layout.root / POLICY).read_text(encoding="utf-8")
        return json.dumps({
            "identities": [
                {
                    "name": "root",
                    "credentials": [self._keys("minio-root-user", "minio-root-password")],
                    "actions": ["Admin"],
                },
                {
                    "name": "functions",
                    "credentials": [self._keys("minio-access-key", "minio-secret-key")],
                    "policyNames": [POLICY_NAME],
                    # Beside a policy these count for nothing, except that a presigned POST,
                    # which does not heed policies, asks for them.
                    "actions": [f"Write:{bucket}" for bucket in buckets.ALL],
                },
            ],
            "policies": [{
                "name": POLICY_NAME,
                "content": Template(policy).substitute(buckets.settings()),
            }],
        })

    def _keys(self, access_key: str, secret_key: str) -> dict[str, str]:
        return {
            "accessKey": secret_files.read(self._layout.secrets, access_key),
            "secretKey": secret_files.read(self._layout.secrets, secret_key),
        }

    def _notification_toml(self) -> str:
        """It tries once: its retries do not work, and a sweep finds what was lost."""
        if self._webhook is None:
            return ""
        # Strings of JSON are strings of TOML.
        settings = {
            "enabled": True,
            "endpoint": self._webhook.url,
            "bearer_token": secret_files.read(self._layout.secrets, "events-token"),
            "event_types": ["create", "update"],
            "path_prefixes": [f"/buckets/{buckets.IMAGES}/{buckets.UPLOADS}"],
        }
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        return "[notification.webhook]\n" + "".join(lines)


def is_usable(port: int) -> bool:
    """Whether SeaweedFS can use a free port: its gRPC twin must be free as well.

    For each gRPC port it also makes a Unix socket in /tmp, which it leaves there, and which no
    other user can replace.
    """
    return is_free(LOOPBACK, port + GRPC_OFFSET) and all(map(_replaceable, _sockets(port)))


def remove_sockets(ports: Iterable[int]) -> None:
    """Remove what a server that had these ports has left in /tmp."""
    for port in ports:
        for path in filter(_replaceable, _sockets(port)):
            path.unlink(missing_ok=True)


def _sockets(port: int) -> Iterable[Path]:
    return SOCKET_FOLDER.glob(f"seaweedfs-*-grpc-{port + GRPC_OFFSET}.sock")


def _replaceable(path: Path) -> bool:
    try:
        return os.geteuid() in (0, path.lstat().st_uid)
    except FileNotFoundError:
        return True

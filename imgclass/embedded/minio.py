"""MinIO as the S3 server, where the developer has installed it."""
from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from imgclass.embedded import secret_files
from imgclass.embedded.environment import clean
from imgclass.embedded.layout import Layout
from imgclass.embedded.ports import LOOPBACK
from imgclass.embedded.process import Command
from imgclass.embedded.webhook import Webhook

PROGRAM = "minio"
# The last part of a variable is the name of the target, as deploy/minio/setup.py expects it.
TARGET = "MINIO_NOTIFY_WEBHOOK_{}_IMGCLASS"


class MinIO:
    """Found on PATH."""

    kind = "minio"

    def __init__(self, layout: Layout, search_path: str, webhook: Webhook | None) -> None:
        self._layout = layout
        self._search_path = search_path
        self._webhook = webhook
        self._program = shutil.which(PROGRAM, path=search_path)

    def is_installed(self) -> bool:
        return self._program is not None

    def command(self, name: str, data: Path, settle: Callable[..., int]) -> Command:
        """`settle(name)` chooses the ports."""
        secrets = self._layout.secrets
        environment = {
            "MINIO_ROOT_USER": secret_files.read(secrets, "minio-root-user"),
            "MINIO_ROOT_PASSWORD": secret_files.read(secrets, "minio-root-password"),
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_CALLHOME_ENABLE": "off",
            **self._notification(),
        }
        return Command(
            name=name,
            argv=(str(self._program), "server", "--quiet",
                  "--address", f"{LOOPBACK}:{settle(name)}",
                  "--console-address", f"{LOOPBACK}:{settle(f'{name}-console')}",
                  data.name),
            environment=clean(self._layout, self._search_path, environment),
            # A path of its own might hold "...", which means a range of disks.
            directory=data.parent)

    def prepare(self, data: Path) -> None:
        """Nothing to do."""

    def setup_options(self) -> tuple[str, ...]:
        return () if self._webhook else ("--no-notification",)

    def _notification(self) -> dict[str, str]:
        if self._webhook is None:
            return {}
        environment = {
            TARGET.format("ENABLE"): "on",
            TARGET.format("ENDPOINT"): self._webhook.url,
            TARGET.format("AUTH_TOKEN"): secret_files.read(self._layout.secrets, "events-token"),
            # Otherwise an event waits in memory, where it is lost if the server stops.
            "MINIO_API_SYNC_EVENTS": "on",
        }
        if self._webhook.queued:
            environment[TARGET.format("QUEUE_DIR")] = str(self._layout.events)
        return environment

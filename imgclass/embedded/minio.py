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

PROGRAM = "minio"


class MinIO:
    """Found on PATH."""

    kind = "minio"

    def __init__(self, layout: Layout, search_path: str) -> None:
        self._layout = layout
        self._search_path = search_path
        self._program = shutil.which(PROGRAM, path=search_path)

    def is_installed(self) -> bool:
        return self._program is not None

    def command(self, name: str, data: Path, settle: Callable[..., int]) -> Command:
        """`settle(name)` chooses the ports."""
        secrets = self._layout.secrets
        environment = {
            "MINIO_ROOT_USER": secret_files.read(secrets, "minio-access-key"),
            "MINIO_ROOT_PASSWORD": secret_files.read(secrets, "minio-secret-key"),
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_CALLHOME_ENABLE": "off",
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

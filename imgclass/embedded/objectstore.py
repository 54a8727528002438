"""S3: MinIO where the developer has it, else SeaweedFS, set up for the functions."""
from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from imgclass.embedded import buckets, http_probe, jobs
from imgclass.embedded.environment import clean
from imgclass.embedded.errors import StackError
from imgclass.embedded.layout import Layout
from imgclass.embedded.minio import MinIO
from imgclass.embedded.ports import LOOPBACK, Ports
from imgclass.embedded.process import Command, Processes
from imgclass.embedded.seaweedfs import SeaweedFS, remove_sockets
from imgclass.embedded.webhook import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "s3"
START_SECONDS = 60


class Server(Protocol):
    """A kind of S3 server."""

    kind: str

    def is_installed(self) -> bool:
        """Whether it can be run on this machine."""

    def command(self, name: str, data: Path, settle: Callable[..., int]) -> Command:
        """How to run it with its files in `data` and S3 on the port `settle(name)`."""

    def prepare(self, data: Path) -> None:
        """Called before each start."""

    def setup_options(self) -> tuple[str, ...]:
        """What deploy/minio/setup.py is to leave out."""


@dataclass
class ObjectStore:
    """The S3 server of one stack; without a webhook it tells nobody of uploads."""

    layout: Layout
    processes: Processes
    ports: Ports
    search_path: str = os.defpath
    webhook: Webhook | None = None

    def start(self) -> bool:
        """Have the server running and set up; say whether it had to be started.

        Raises StackError.
        """
        server = self.choose()
        data = self.layout.objects / server.kind
        data.mkdir(exist_ok=True)
        settle = partial(self.ports.settle, self.processes.running(NAME) is not None)
        command = server.command(NAME, data, settle)
        self.port = settle(NAME)
        started = self.processes.ensure(
            command, self._asks_for_keys, START_SECONDS, partial(server.prepare, data))
        self._set_up(server)
        return started

    def stop(self) -> None:
        """Stop the server, and remove what it leaves outside of `var`."""
        self.processes.stop([NAME])
        remove_sockets(port for name, port in self.ports.all() if name.split("-")[0] == NAME)

    def settings(self) -> dict[str, str]:
        """How the functions reach it; the keys are secret files."""
        return {
            "MINIO_ENDPOINT": f"{LOOPBACK}:{self.port}",
            "MINIO_SECURE": "false",
            **buckets.settings(),
        }

    def choose(self) -> Server:
        """The server whose data is there; at the first start MinIO, if it is on PATH.

        Raises StackError when none can be run.
        """
        kinds: list[Server] = [MinIO(self.layout, self.search_path, self.webhook),
                               SeaweedFS(self.layout, self.search_path, self.webhook)]
        used = [server for server in kinds if (self.layout.objects / server.kind).is_dir()]
        for server in used or kinds:
            if server.is_installed():
                return server
        if used:
            raise StackError(
                f"the objects in {self.layout.objects} were written by {used[0].kind}, which is "
                "not on PATH any more: install it again, or `make clean-data`")
        raise StackError("no S3 server is installed: `make up` installs one")

    def _asks_for_keys(self) -> bool:
        return http_probe.status(LOOPBACK, self.port, "/") == 403

    def _set_up(self, server: Server) -> None:
        jobs.run(
            self.layout.root, "deploy/minio/setup.py",
            clean(self.layout, self.search_path, {
                "SECRETS_DIR": str(self.layout.secrets), **self.settings()}),
            "the object store cannot be set up", *server.setup_options())

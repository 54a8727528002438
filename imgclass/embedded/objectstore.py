"""S3: MinIO where the developer has it, else SeaweedFS, and the two buckets in it."""
from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from imgclass.embedded import secret_files
from imgclass.embedded.errors import StackError
from imgclass.embedded.layout import Layout
from imgclass.embedded.minio import MinIO
from imgclass.embedded.ports import LOOPBACK, Ports
from imgclass.embedded.process import Command, Processes
from imgclass.embedded.seaweedfs import SeaweedFS, remove_sockets

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

NAME = "s3"
IMAGES_BUCKET, MODELS_BUCKET = "images", "models"
PROBE = "readiness-probe"
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


@dataclass
class ObjectStore:
    """The S3 server of one stack."""

    layout: Layout
    processes: Processes
    ports: Ports
    search_path: str = os.defpath

    def start(self) -> bool:
        """Have the server running with both buckets in it; say whether it had to be started."""
        server = self.choose()
        data = self.layout.objects / server.kind
        data.mkdir(exist_ok=True)
        settle = partial(self.ports.settle, self.processes.running(NAME) is not None)
        command = server.command(NAME, data, settle)
        self.port = settle(NAME)
        return self.processes.ensure(
            command, self._serves, START_SECONDS, partial(server.prepare, data))

    def stop(self) -> None:
        """Stop the server, and remove what it leaves outside of `var`."""
        self.processes.stop([NAME])
        remove_sockets(port for name, port in self.ports.all() if name.split("-")[0] == NAME)

    def settings(self) -> dict[str, str]:
        """How the functions reach it; the keys are secret files."""
        return {
            "MINIO_ENDPOINT": f"{LOOPBACK}:{self.port}",
            "MINIO_SECURE": "false",
            "MINIO_BUCKET_NAME": IMAGES_BUCKET,
            "MODELS_BUCKET_NAME": MODELS_BUCKET,
        }

    def client(self) -> S3Client:
        """A client with the stack's keys, blind to the developer's AWS settings and proxies."""
        import botocore.session
        from boto3.session import Session
        from botocore.config import Config

        nothing = (None, None, None, None)
        core = botocore.session.Session(session_vars={
            "profile": nothing,
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        })
        secrets = self.layout.secrets
        return Session(botocore_session=core).client(
            "s3", endpoint_url=f"http://{LOOPBACK}:{self.port}", region_name="us-east-1",
            aws_access_key_id=secret_files.read(secrets, "minio-access-key"),
            aws_secret_access_key=secret_files.read(secrets, "minio-secret-key"),
            config=Config(
                connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1},
                proxies={}, s3={"addressing_style": "path"}))

    def choose(self) -> Server:
        """The server whose data is there; at the first start MinIO, if it is on PATH.

        Raises StackError when none can be run.
        """
        kinds: list[Server] = [MinIO(self.layout, self.search_path),
                               SeaweedFS(self.layout, self.search_path)]
        used = [server for server in kinds if (self.layout.objects / server.kind).is_dir()]
        for server in used or kinds:
            if server.is_installed():
                return server
        if used:
            raise StackError(
                f"the objects in {self.layout.objects} were written by {used[0].kind}, which is "
                "not on PATH any more: install it again, or `make clean-data`")
        raise StackError("no S3 server is installed: `make up` installs one")

    def _serves(self) -> bool:
        """Whether both buckets are there, and an object can be written and read."""
        client = self.client()
        try:
            for bucket in (IMAGES_BUCKET, MODELS_BUCKET):
                _create(client, bucket)
            client.put_object(Bucket=MODELS_BUCKET, Key=PROBE, Body=b"ready")
            client.get_object(Bucket=MODELS_BUCKET, Key=PROBE)["Body"].read()
            client.delete_object(Bucket=MODELS_BUCKET, Key=PROBE)
            return True
        except ClientError as error:
            if _code(error) in ("InvalidAccessKeyId", "SignatureDoesNotMatch"):
                raise StackError(
                    f"the keys in {self.layout.secrets} do not open the object store: "
                    "`make down` and try again") from None
            return False
        except BotoCoreError:
            return False


def _create(client: S3Client, bucket: str) -> None:
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if _code(error) not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise


def _code(error: ClientError) -> str | None:
    return error.response.get("Error", {}).get("Code")

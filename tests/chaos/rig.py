"""predict, PostgreSQL and an S3 server as processes of their own, which can be killed."""
from __future__ import annotations

import random
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.config import Settings
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from imgclass.embedded import http_probe, placement, secret_files
from imgclass.embedded.environment import clean
from imgclass.embedded.identity import send, wait_for_end
from imgclass.embedded.ports import LOOPBACK, Ports
from imgclass.embedded.postgres import Postgres
from imgclass.embedded.process import Command, Processes
from imgclass.embedded.webhook import Webhook
from tests.chaos.post import UnreliablePost
from tests.databases import migrate, query
from tests.environments import environment
from tests.servers import (
    ROOT, SEARCH_PATH, object_store, object_store_settings, postgres_settings, prepared)
from tests.tiny_rollout import activate
from tests.waiting import wait_until

if TYPE_CHECKING:  # it imports tensorflow, which need not be there to collect tests
    from tests.tiny_model import TinyModel

PREDICT = "predict"
START_SECONDS = 60.0
PATIENCE_SECONDS = 20.0


class Rig:
    """The three parts, a model that answers, and the post between store and predict.

    `settings` lead to the database and, with root's keys, to the store.
    """

    def __init__(
        self, folder: Path, kind: str, tiny: TinyModel, share: float, seed: int
    ) -> None:
        """`kind` is that of the object store; the post mistreats a `share` of what it carries."""
        self._layout = prepared(folder)
        self._processes = Processes(self._layout.run, self._layout.logs)
        ports = Ports(self._layout.ports)
        self._port = ports.settle(False, PREDICT)
        self.post = UnreliablePost(LOOPBACK, self._port, share, seed)
        self._database = Postgres(self._layout, self._processes, ports, SEARCH_PATH)
        self._store = object_store(
            self._layout, kind, Webhook(f"{self.post.url}/events/storage"))
        self._tiny = tiny
        self._starts: dict[str, Callable[[], Any]] = {
            "postgres": self._database.start, "s3": self._store.start, PREDICT: self._start}

    @contextmanager
    def running(self) -> Iterator[Rig]:
        """While it lasts, everything runs, but for what a test kills."""
        with ExitStack() as stack:
            stack.enter_context(self.post)
            stack.callback(placement.remove, self._layout.postgres)
            stack.callback(self._store.stop)
            stack.callback(self._processes.stop, ["postgres"])
            stack.callback(self._processes.stop, [PREDICT])
            self._database.start()
            self._store.start()
            self.settings = Settings.load(environment(
                **postgres_settings(self._database), **object_store_settings(self._store)))
            migration = migrate(self.settings)
            output, _ = migration.communicate(timeout=60)
            assert migration.returncode == 0, output
            models = S3ObjectStore(s3_client(self.settings, 2), self.settings.models_bucket_name)
            activate(self.settings, models, self._tiny, "v1")
            self._start()
            wait_until(self.is_ready, START_SECONDS)
            yield self

    def kill(self, name: str) -> None:
        """SIGKILL a part with all its children, as a machine that fails does."""
        process = self._processes.running(name)
        if process is None:
            return
        members = [process, *process.children(recursive=True)]
        for each in members:
            send(each, signal.SIGKILL)
        assert wait_for_end(members, PATIENCE_SECONDS) == []

    def restart(self, name: str) -> None:
        """Have a part running again."""
        self._starts[name]()

    def kill_at_random(
        self, seed: int, rounds: int, more: Callable[[], bool]
    ) -> dict[str, int]:
        """Kill and restart one part after the other, for so many `rounds` and while there is
        `more`; how often which."""
        chance = random.Random(seed)
        names = [*self._starts]
        killed = dict.fromkeys(names, 0)
        while more() or min(killed.values()) < rounds:
            # Everybody's turn comes, in no order.
            chance.shuffle(names)
            for name in names:
                time.sleep(chance.uniform(0.3, 2))
                self.kill(name)
                killed[name] += 1
                time.sleep(chance.uniform(0, 0.7))
                self.restart(name)
        return killed

    def is_ready(self) -> bool:
        """Whether predict can classify."""
        return http_probe.status(LOOPBACK, self._port, "/_/ready") == 200

    def add_user(self) -> uuid.UUID:
        """Somebody who may upload."""
        user = uuid.uuid4()
        query(self.settings, "INSERT INTO users VALUES (%s, %s)", str(user), f"{user}@example.org")
        return user

    def client(self) -> Any:
        """A plain S3 client, with patience for a server that is away."""
        return s3_client(self.settings, 4)

    def pictures(self) -> S3ObjectStore:
        """The bucket of pictures."""
        return S3ObjectStore(self.client(), self.settings.minio_bucket_name)

    def log(self) -> str:
        """What predict has said last."""
        return (self._layout.logs / f"{PREDICT}.log").read_text(encoding="utf-8")[-5000:]

    def _start(self) -> bool:
        return self._processes.ensure(self._command(), self._answers, START_SECONDS)

    def _answers(self) -> bool:
        return http_probe.status(LOOPBACK, self._port, "/_/health") == 200

    def _command(self) -> Command:
        folder = ROOT / "functions" / PREDICT
        secrets = self._layout.secrets
        return Command(
            name=PREDICT,
            argv=(sys.executable, "-m", "gunicorn", "-c", "python:common.gunicorn_conf",
                  "handler:app"),
            environment=clean(self._layout, "/usr/bin:/bin", {
                **environment(
                    **self._database.settings(), **self._store.settings(),
                    POSTGRES_PASSWORD=secret_files.read(secrets, "postgres-password"),
                    MINIO_ACCESS_KEY=secret_files.read(secrets, "minio-access-key"),
                    MINIO_SECRET_KEY=secret_files.read(secrets, "minio-secret-key"),
                    EVENTS_TOKEN=secret_files.read(secrets, "events-token")),
                "PYTHONPATH": f"{folder}:{ROOT}",
                "BIND_HOST": LOOPBACK, "PORT": str(self._port),
                "LOG_DIR": str(self._layout.logs),
                "MODEL_CACHE_DIR": str(self._layout.model_cache),
                # What nobody announced need not wait for a minute.
                "SWEEP_SECONDS": "3", "MODEL_POLL_SECONDS": "0.5",
            }),
            directory=folder)

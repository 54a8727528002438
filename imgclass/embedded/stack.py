"""The whole stack: what `make up`, `make down`, `make status` and `make clean-data` do."""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imgclass.client import Prediction
from imgclass.embedded import (
    default_model, functions, gateway, jobs, objectstore, placement, postgres, secret_files,
    seed)
from imgclass.embedded.errors import StackError
from imgclass.embedded.functions import Functions, common_environment
from imgclass.embedded.gateway import Gateway, check_address
from imgclass.embedded.layout import Layout
from imgclass.embedded.lock import exclusive
from imgclass.embedded.objectstore import ObjectStore
from imgclass.embedded.ports import LOOPBACK, Ports
from imgclass.embedded.postgres import Postgres
from imgclass.embedded.process import Processes, Usage
from imgclass.embedded.report import Report, silent
from imgclass.embedded.webhook import Webhook
from imgclass.settings import (
    DEFAULT_HOST, DEFAULT_PORT, Settings, address_file, recorded_address)

SAMPLE = Path("examples", "pictures", "coffee.jpg")
READY_SECONDS = 60
# Whoever asks is stopped before whom it asks.
STOP_ORDER = ((gateway.NAME,), functions.NAMES, (objectstore.NAME, postgres.NAME))
NAMES = (postgres.NAME, objectstore.NAME, *functions.NAMES, gateway.NAME)


@dataclass(frozen=True)
class Running:
    """A stack that is up: its address, and what it says of the sample picture."""

    url: str
    sample: Path
    prediction: Prediction


@dataclass
class Stack:
    """The stack of the checkout `root` with its state in `var`.

    `host` and `port` are the gateway's: None means those it has, or 127.0.0.1:8000, and port 0
    any that is free. `passed_on` are settings for the functions. With `event_queue` the object
    store keeps what it cannot tell predict. `archive` is the model to register where none is
    active; without it the default model is built.
    """

    root: Path
    var: Path
    host: str | None = None
    port: int | None = None
    search_path: str = os.defpath
    passed_on: Mapping[str, str] = field(default_factory=dict)
    event_queue: bool = False
    archive: Path | None = None
    report: Report = field(default_factory=silent)

    def __post_init__(self) -> None:
        self.layout = Layout(self.root, self.var)
        self.processes = Processes(self.layout.run, self.layout.logs)

    @classmethod
    def of(cls, settings: Settings, report: Report) -> Stack:
        """The stack the developer's settings describe."""
        return cls(settings.root, settings.var, settings.api_host, settings.api_port,
                   settings.search_path, settings.passed_on, settings.event_queue,
                   report=report)

    def up(self) -> Running:
        """Start what does not run, and return once the sample picture is classified.

        On any failure, and on an interrupt, what this call has started is stopped again.
        Raises StackError.
        """
        if not (self.root / "functions").is_dir():
            raise StackError("the stack runs from a checkout of the project: `make up` in one")
        self.layout.prepare()
        with exclusive(self.layout.lock):
            before = self.running()
            try:
                prediction = self._start()
            except BaseException:
                self._stop(self.running() - before)
                raise
        return Running(self.gateway.url, self.root / SAMPLE, prediction)

    def down(self) -> bool:
        """Stop everything; say whether anything ran. The data stays."""
        if not self.layout.is_ours():
            return False
        with exclusive(self.layout.lock):
            ran = bool(self.running())
            self._stop(set(self.processes.names()))
        return ran

    def clean_data(self) -> None:
        """Stop everything and remove all data; the built model stays."""
        if not self.layout.is_ours():
            return
        with exclusive(self.layout.lock):
            self._stop(set(self.processes.names()))
            placement.remove(self.layout.postgres)
            self.layout.remove_data()

    def status(self) -> dict[str, Usage | None]:
        """What each process of the stack uses; None where it does not run."""
        return {name: self.processes.usage(name) for name in NAMES}

    def addresses(self) -> dict[str, str]:
        """host:port of each process of the stack, as far as they are settled."""
        found = {name: f"{LOOPBACK}:{port}" for name, port in Ports(self.layout.ports).all()}
        if address := recorded_address(self.var):
            found[gateway.NAME] = "{}:{}".format(*address)
        return found

    def running(self) -> set[str]:
        """The names of the processes that run."""
        return {name for name in self.processes.names() if self.processes.running(name)}

    def _start(self) -> Prediction:
        # Workers can outlive a killed server, and hold its port.
        self.processes.stop(set(self.processes.names()) - self.running())
        self._settle_address()
        archive = self.archive or self._build_model()
        secret_files.ensure(self.layout.secrets)
        environment = self._start_servers()
        self._start_functions(environment)
        self._start_gateway()
        return self._seed(archive)

    def _settle_address(self) -> None:
        """Fail before anything is started if the gateway's port is somebody else's."""
        self.ports = Ports(self.layout.ports)
        last = recorded_address(self.var)
        host, port = last or (DEFAULT_HOST, DEFAULT_PORT)
        self._host = self.host or host
        runs = self.processes.running(gateway.NAME) is not None
        if self.port == 0:
            self._port = self.ports.settle(runs, gateway.NAME)
        else:
            self._port = self.port or port
        if not (runs and last == (self._host, self._port)):
            check_address(self._host, self._port)

    def _build_model(self) -> Path:
        if default_model.archive_path(self.layout).is_file():
            return default_model.archive_path(self.layout)
        with self.report.step("build", "building the default model takes about 30 s") as say:
            archive = default_model.build(self.layout)
            say(f"{archive.name}, {archive.stat().st_size / 1e6:.0f} MB")
        return archive

    def _start_servers(self) -> dict[str, str]:
        """Postgres and S3; returns the environment with which functions find them."""
        database = Postgres(self.layout, self.processes, self.ports, self.search_path)
        events = functions.events_url(self.processes, self.ports)
        store = ObjectStore(
            self.layout, self.processes, self.ports, self.search_path,
            Webhook(events, self.event_queue))
        with self.report.step("postgres") as say:
            say(_verb(database.start()))
        with self.report.step("s3") as say:
            say(_verb(store.start()))
        environment = common_environment(
            self.layout, self.search_path,
            {**self.passed_on, **database.settings(), **store.settings()})
        with self.report.step("schema") as say:
            jobs.run(
                self.root, "sql/migrate.py", environment, "the database cannot be migrated")
            say("migrated")
        return environment

    def _start_functions(self, environment: Mapping[str, str]) -> None:
        self.functions = Functions(self.layout, self.processes, self.ports, environment)
        with self.report.step("functions") as say:
            say(_verb(self.functions.start()))
            for name in (functions.HISTORY, functions.MODEL_ADMIN):
                self.functions.wait_until_ready(name, READY_SECONDS)

    def _start_gateway(self) -> None:
        self.gateway = Gateway(
            self.layout, self.processes, self._host, self._port, self.search_path,
            self.functions.addresses(), self.passed_on)
        with self.report.step("gateway") as say:
            say(_verb(self.gateway.start()))
            address_file(self.var).write_text(f"{self._host} {self._port}", encoding="utf-8")
            say(self.gateway.url)

    def _seed(self, archive: Path) -> Prediction:
        secret = secret_files.read(self.layout.secrets, "jwt-secret")
        if not seed.has_active_model(self.gateway.url, secret):
            with self.report.step("model", "validating and compiling takes about 10 s") as say:
                say(f"{seed.register(self.gateway.url, secret, archive)} is active")
        with self.report.step("predict") as say:
            self.functions.wait_until_ready(functions.PREDICT, READY_SECONDS)
            say("ready")
        with self.report.step("sample") as say:
            prediction = seed.classify(self.gateway.url, secret, self.root / SAMPLE)
            say(f"{SAMPLE.name}: {prediction.predicted_class} "
                f"{prediction.confidence_score:.3f}")
        return prediction

    def _stop(self, names: set[str]) -> None:
        for group in STOP_ORDER:
            if due := [name for name in group if name in names]:
                with self.report.step(", ".join(due)) as say:
                    self.processes.stop(due)
                    say("stopped")
        if objectstore.NAME in names:
            ObjectStore(self.layout, self.processes, Ports(self.layout.ports)).stop()
        if gateway.NAME in names:
            address_file(self.var).unlink(missing_ok=True)


def _verb(was_started: bool) -> str:
    return "started" if was_started else "already running"

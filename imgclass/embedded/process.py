"""Background processes: started detached, recorded, found again, and stopped by their record."""
from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from imgclass.embedded import log_files, secret_files
from imgclass.embedded.accounts import Account
from imgclass.embedded.errors import StackError
from imgclass.embedded.identity import (
    Identity, alive, family, identify, memory_of, send, wait_for_end)

POLL_SECONDS = 0.05
# How long a process that was found running may take to answer.
PATIENCE_SECONDS = 10


class NotReady(StackError):
    """A process stopped, or did not become ready in time."""


@dataclass(frozen=True)
class Command:
    """A program to run in the background under a name.

    `content` is what the program reads besides its arguments and environment, such as its
    configuration: a process that was started from other content is out of date.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    content: str = ""
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def fingerprint(self) -> str:
        parts = (self.argv, sorted(self.environment.items()), self.content)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """What is written down of a process when it is started."""

    identity: Identity
    fingerprint: str
    stop_signal: int


@dataclass(frozen=True)
class Usage:
    """What a process and its children use; memory they share is counted once for each."""

    pid: int
    seconds: float
    memory_bytes: int


class Processes:
    """The stack's processes; `run` holds a record of each, `logs` what each prints."""

    def __init__(self, run: Path, logs: Path) -> None:
        self._run = run
        self._logs = logs
        self._log_starts: dict[str, int] = {}

    def names(self) -> list[str]:
        """The names of all recorded processes, running or not."""
        return sorted(path.stem for path in self._run.glob("*.json"))

    def running(self, name: str) -> psutil.Process | None:
        """The process that was started under this name, if it still runs."""
        record = self._record(name)
        return alive(record.identity) if record else None

    def usage(self, name: str) -> Usage | None:
        """What the process uses; None if it does not run."""
        record = self._record(name)
        process = alive(record.identity) if record else None
        if record is None or process is None:
            return None
        return Usage(process.pid, time.time() - process.create_time(),
                     sum(map(memory_of, family(record.identity))))

    def is_current(self, command: Command) -> bool:
        """Whether a process runs that was started from the very same command."""
        record = self._record(command.name)
        return bool(record and record.fingerprint == command.fingerprint
                    and alive(record.identity))

    def ensure(
        self,
        command: Command,
        ready: Callable[[], bool],
        seconds: float,
        prepare: Callable[[], None] = lambda: None,
    ) -> bool:
        """Have the command's process running and `ready`, and say whether it had to be started.

        One that runs from another command, or does not answer, is replaced. `prepare` is called
        while none runs. Raises StackError as `start` and `wait_until` do.
        """
        if self.is_current(command):
            try:
                self.wait_until(command.name, ready, PATIENCE_SECONDS)
                return False
            except NotReady:
                pass
        self.stop([command.name])
        prepare()
        self.start(command)
        self.wait_until(command.name, ready, seconds)
        return True

    def start(self, command: Command) -> None:
        """Start a process in a session of its own and record it.

        Raises StackError if the program cannot be executed.
        """
        name, user = command.name, command.account
        with log_files.opened(self._log_path(name)) as log:
            self._log_starts[name] = log.tell()
            try:
                process = subprocess.Popen(
                    command.argv, env=dict(command.environment), cwd=command.directory,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=user.uid if user else None, group=user.gid if user else None,
                    extra_groups=[] if user else None)
            except (OSError, subprocess.SubprocessError) as error:
                raise StackError(f"{name} cannot be started: {error}") from None
        try:
            record = Record(identify(process), command.fingerprint, command.stop_signal)
            secret_files.write(self._record_path(name), json.dumps(asdict(record)))
        except BaseException:
            process.kill()
            process.wait()
            raise

    def wait_until(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready` says so.

        Raises NotReady when the process has died, with its last words, or time is up.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self.running(name) is None:
                raise NotReady(f"{name} stopped at its start: {self._last_words(name)}")
            if time.monotonic() > deadline:
                raise NotReady(
                    f"{name} is not ready after {seconds:.0f} s: {self._last_words(name)}")
            time.sleep(POLL_SECONDS)

    def stop(self, names: Iterable[str], grace_seconds: float = 20) -> None:
        """Stop these processes and their children, side by side; what is not running is passed.

        Whatever is left after `grace_seconds` is killed.
        """
        records = {name: record for name in names if (record := self._record(name))}
        members: list[psutil.Process] = []
        for record in records.values():
            members += family(record.identity)
            leader = alive(record.identity)
            for process in [leader] if leader else family(record.identity):
                send(process, record.stop_signal)
        late = wait_for_end(members, grace_seconds)
        late += [each for record in records.values() for each in family(record.identity)]
        for process in late:
            send(process, signal.SIGKILL)
        wait_for_end(late, 5)
        for name in records:
            self._record_path(name).unlink(missing_ok=True)

    def _record(self, name: str) -> Record | None:
        path = self._record_path(name)
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return Record(
                Identity(**fields["identity"]), fields["fingerprint"], fields["stop_signal"])
        except FileNotFoundError:
            return None
        except PermissionError:
            raise StackError(
                f"{path} is another user's: run this as the user who started the stack") from None
        except (ValueError, TypeError, KeyError):
            raise StackError(
                f"{path} is damaged: stop the process by hand and remove the file") from None

    def _last_words(self, name: str) -> str:
        path = self._log_path(name)
        return f"{log_files.last_words(path, self._log_starts.get(name, 0))} (log: {path})"

    def _log_path(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _record_path(self, name: str) -> Path:
        return self._run / f"{name}.json"

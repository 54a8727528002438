"""What a watcher has done so far, in a file: what it forgot it would do again."""
from __future__ import annotations

import fcntl
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

# A picture that left the folder is remembered for so long, in case it comes back.
KEEP_SECONDS = 30 * 24 * 3600.0


class MemoryUnusable(Exception):
    """A watcher's file cannot be used; the message says why, in one line."""


@dataclass(frozen=True)
class Stamp:
    """What tells that a file has changed, without reading it."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Stamp:
        return cls(stat.st_size, stat.st_mtime_ns)


@dataclass(frozen=True)
class Done:
    """A picture that is dealt with: classified, or refused for the reason given.

    `sha256` is of its bytes, in hexadecimal; `at` is in seconds since 1970.
    """

    size: int
    mtime_ns: int
    sha256: str
    at: float
    prediction_id: str | None = None
    reason: str | None = None

    @property
    def stamp(self) -> Stamp:
        return Stamp(self.size, self.mtime_ns)


class Memory:
    """A file of JSON lines that only grows while it is used; one watcher at a time uses it.

    Each line is on disk before `keep` returns. A line that a crash has cut short is left out, and
    when the file is opened it is written anew with what still counts. `key` is the watcher's own,
    the same for the life of the file.
    """

    def __init__(
        self, path: Path, folder: Path, now: Callable[[], float] = time.time
    ) -> None:
        """Raises MemoryUnusable, also while another watcher uses the file."""
        self._path, self._folder, self._now = path, folder, now
        try:
            self._lock = _locked(path.with_name(f"{path.name}.lock"))
            try:
                self._open()
            except BaseException:
                self._lock.close()
                raise
        except OSError as error:
            raise MemoryUnusable(
                f"{error.filename or path} cannot be written ({error.strerror or error}): "
                "name another file with --state") from error

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()
        self._lock.close()

    def find(self, name: str) -> Done | None:
        """What was done with the file of this name, if anything."""
        return self._done.get(name)

    def keep(self, name: str, done: Done) -> None:
        """Remember it from now on, whatever happens. Raises MemoryUnusable."""
        self._done[name] = done
        try:
            _write(self._file, {"file": name, **asdict(done)})
        except OSError as error:
            raise MemoryUnusable(
                f"{self._path} cannot be written: {error.strerror or error}") from error

    def _open(self) -> None:
        self.key, self._done = _read(self._path)
        before = self._now() - KEEP_SECONDS
        self._done = {
            name: done for name, done in self._done.items()
            if done.at >= before or (self._folder / name).exists()}
        fresh = self._path.with_name(f"{self._path.name}.new")
        with fresh.open("w", encoding="utf-8") as file:
            _write(file, {"key": self.key})
            for name, done in self._done.items():
                file.write(_line({"file": name, **asdict(done)}))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        self._file = self._path.open("a", encoding="utf-8")


def _locked(path: Path) -> IO[str]:
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise MemoryUnusable(
            f"another `imgclass watch` is at work here ({path}): end it, or name another file "
            "with --state") from None
    return file


def _read(path: Path) -> tuple[str, dict[str, Done]]:
    """Key and records; a new key where there is no file yet. Raises MemoryUnusable."""
    if not path.exists():
        return str(uuid.uuid4()), {}
    lines = _documents(path)
    try:
        key = str(next(lines)["key"])
        return key, {line.pop("file"): Done(**line) for line in lines}
    except (StopIteration, KeyError, TypeError) as error:
        raise MemoryUnusable(
            f"{path} is not the file of a watcher: name another one with --state") from error


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                document = json.loads(line)
            except ValueError:
                return  # the last line of a crash: nothing was promised of it
            yield document


def _write(file: IO[str], document: dict[str, Any]) -> None:
    file.write(_line(document))
    file.flush()
    os.fsync(file.fileno())


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document) + "\n"

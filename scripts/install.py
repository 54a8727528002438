"""Installs the locked packages into .venv: `install.py ROOT stack|dev`, run by scripts/install.

A file in .venv says what was installed. It is written last, so that half an installation never
counts, and it holds digests, so that a changed lock always does.
"""
from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCKS = ("stack", "dev")
# TensorFlow alone takes half of it; pip holds every package once more while it unpacks them.
FIRST_INSTALL_BYTES = 4_000_000_000
UPDATE_BYTES = 2_000_000_000

# What pip prints, and what to do about it; the first that matches counts.
FAILURES = (
    (r"No space left on device",
     "the disk is full: make room for 4 GB and try again"),
    (r"DO NOT MATCH THE HASHES",
     "a package is not the one that was locked: something between you and the index has changed "
     "it, or the lock is out of date (`make lock`)"),
    (r"CERTIFICATE_VERIFY_FAILED",
     "the package index has a certificate this machine does not trust: "
     "name the right authority with PIP_CERT"),
    (r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries",
     "the package index cannot be reached: check the network, or set HTTPS_PROXY, and try again"),
    (r"No matching distribution found for (?P<what>\S+)",
     "{what} is not available for this Python and machine: take Linux on x86-64 or arm64, and "
     "another Python with PYTHON=..."),
)


class InstallError(Exception):
    """The message is one line that says what to do."""


def main(root: Path, lock: str) -> None:
    with _alone(root):
        if _is_installed(root, lock):
            return
        _check_path(root)
        _check_disk(root)
        started = time.monotonic()
        first = not _is_usable(root)
        if first:
            _make_venv(root)
        for name in LOCKS:
            _stamp(root, name).unlink(missing_ok=True)
        _install_locked(root, lock, first)
        _install_project(root)
        # dev holds all of stack, at the same versions.
        for name in LOCKS[:LOCKS.index(lock) + 1]:
            _stamp(root, name).write_text(_fingerprint(root, name), encoding="utf-8")
        print(f"install    finished  ({time.monotonic() - started:.0f} s)", flush=True)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    with (root / "pyproject.toml").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InstallError(
                "another installation is running here: wait for it to end") from None
        yield


def _venv(root: Path) -> Path:
    return root / ".venv"


def _python(root: Path) -> Path:
    return _venv(root) / "bin" / "python"


def _stamp(root: Path, lock: str) -> Path:
    return _venv(root) / f".installed-{lock}"


def _requirements(root: Path, lock: str) -> Path:
    return root / "requirements" / f"{lock}.txt"


def _home(root: Path) -> str:
    """What a virtual environment is bound to: its own path and the version of Python."""
    return f"{_venv(root)} {sys.version_info.major}.{sys.version_info.minor}"


def _fingerprint(root: Path, lock: str) -> str:
    digests = [hashlib.sha256(path.read_bytes()).hexdigest()
               for path in (_requirements(root, lock), root / "pyproject.toml")]
    return "\n".join([_home(root), *digests])


def _is_installed(root: Path, lock: str) -> bool:
    stamp = _stamp(root, lock)
    return (stamp.is_file() and stamp.read_text(encoding="utf-8") == _fingerprint(root, lock)
            and _python(root).exists())


def _check_path(root: Path) -> None:
    if ":" in str(root):
        raise InstallError(f"the path {root} has a colon in it, which separates paths: "
                           "move the checkout")
    if not os.access(root, os.W_OK):
        raise InstallError(f"{root} cannot be written: run this as the owner of the checkout")


def _check_disk(root: Path) -> None:
    first = not _python(root).exists()
    needed = FIRST_INSTALL_BYTES if first else UPDATE_BYTES
    free = shutil.disk_usage(root).free
    if free < needed:
        raise InstallError(f"only {free / 1e9:.1f} GB are free at {root}: "
                           f"make room for {needed / 1e9:.0f} GB and try again")


def _marker(root: Path) -> Path:
    return _venv(root) / ".made-for"


def _is_usable(root: Path) -> bool:
    """Whether .venv is there and works; one that was moved does not."""
    return (_marker(root).is_file()
            and _marker(root).read_text(encoding="utf-8") == _home(root) and _runs(root))


def _make_venv(root: Path) -> None:
    base = Path(getattr(sys, "_base_executable", sys.executable))
    result = subprocess.run([str(base), "-m", "venv", "--clear", str(_venv(root))],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            errors="replace", check=False)
    if result.returncode != 0:
        raise InstallError(f".venv cannot be made: {_last_line(result.stdout)}")
    _marker(root).write_text(_home(root), encoding="utf-8")


def _runs(root: Path) -> bool:
    try:
        return subprocess.run([str(_python(root)), "-c", "import pip"], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _install_locked(root: Path, lock: str, first: bool) -> None:
    requirements = _requirements(root, lock)
    total = len(set(re.findall(r"^([\w.-]+)==", requirements.read_text("utf-8"), re.MULTILINE)))
    what = f"{total} packages, about 2 GB: 1 to 5 minutes, by the network" if first else "updating"
    print(f"install    {what} ...", flush=True)
    _pip(root, total, "--require-hashes", "-r", str(requirements))


def _install_project(root: Path) -> None:
    """Make the project itself importable; all it needs is there, so nothing is fetched."""
    _pip(root, 0, "--no-deps", "--no-build-isolation", "--no-index", "-e", str(root))


def _pip(root: Path, total: int, *arguments: str) -> None:
    """Run `pip install`, showing how far it is. Raises InstallError."""
    log = _venv(root) / "install.log"
    scratch = _venv(root) / "tmp"  # /tmp may be small, and in memory
    scratch.mkdir(exist_ok=True)
    command = [str(_python(root)), "-m", "pip", "install", "--disable-pip-version-check",
               "--no-input", "--progress-bar", "off", *arguments]
    try:
        with log.open("w", encoding="utf-8") as file, subprocess.Popen(
                command, cwd=root, env={**os.environ, "TMPDIR": str(scratch), "PIP_USER": "0"},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace") as pip:
            progress = Progress(total)
            for line in pip.stdout or ():
                file.write(line)
                progress.show(line)
            progress.clear()
    except OSError as error:
        raise InstallError(f"{log} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if pip.returncode != 0:
        raise InstallError(f"{explain(log.read_text(encoding='utf-8'))} (log: {log})")


class Progress:
    """How far pip is: one line that is written over on a terminal, else one for every tenth."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._count = 0
        self._overwrites = sys.stdout.isatty()

    def show(self, line: str) -> None:
        if match := re.match(r"Collecting ([\w.-]+)", line):
            self._count += 1
            if self._overwrites or self._count % 10 == 0:
                self._write(f"{min(self._count, self._total)}/{self._total} {match[1]}")
        elif self._overwrites and (match := re.match(r"\s+Downloading \S+ (\(.+\))", line)):
            self._write(f"{min(self._count, self._total)}/{self._total} downloading {match[1]}")
        elif self._total and line.startswith("Installing collected packages"):
            self._write("unpacking")

    def clear(self) -> None:
        if self._overwrites:
            print("\r\033[K", end="", flush=True)

    def _write(self, text: str) -> None:
        if self._overwrites:
            print(f"\r\033[Kinstall    {text}", end="", flush=True)
        else:
            print(f"install    {text}", flush=True)


def explain(output: str) -> str:
    """What to do about a failure of pip, by what it printed."""
    for pattern, advice in FAILURES:
        if match := re.search(pattern, output):
            return advice.format(**match.groupdict())
    return f"pip failed: {_last_line(output)}"


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["it said nothing"])[-1]


if __name__ == "__main__":
    try:
        if len(sys.argv) != 3 or sys.argv[2] not in LOCKS:
            raise InstallError("usage: scripts/install [stack|dev]")
        main(Path(sys.argv[1]), sys.argv[2])
    except InstallError as error:
        sys.exit(f"install: {error}")
    except KeyboardInterrupt:
        sys.exit("\ninstall: interrupted; run it again to go on")

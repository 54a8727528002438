"""Requirements files: what is asked for (*.in), and what was locked (*.txt)."""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_PATTERNS = ("requirements/*", "functions/*/requirements*")
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?==(?P<version>[^\s;]+)"
                  r"(\s*;\s*(?P<marker>.*?))?\s*\\?$")
_HASH = re.compile(r"\s+--hash=sha256:(?P<digest>[0-9a-f]{64})\s*\\?$")


class UnreadableLock(ValueError):
    """A line of a lock is neither a release, a hash of it, nor a comment."""


@dataclass(frozen=True)
class Pin:
    """One locked release: the SHA-256 of its files, and which packages (or files) ask for it."""

    name: str
    version: str
    marker: str = ""
    hashes: tuple[str, ...] = ()
    via: tuple[str, ...] = ()


def lock_files(root: Path) -> list[Path]:
    """Every lock of the project."""
    return _files(root, ".txt")


def input_files(root: Path) -> list[Path]:
    """Every file that a lock is made from."""
    return _files(root, ".in")


def _files(root: Path, suffix: str) -> list[Path]:
    return sorted(path for pattern in _PATTERNS for path in root.glob(pattern + suffix))


def read_lock(path: Path) -> list[Pin]:
    """The releases of a lock, in order. Raises UnreadableLock."""
    pins: list[Pin] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if found := _HASH.match(line):
            _add(pins, hashes=found["digest"])
        elif found := _PIN.match(line):
            pins.append(Pin(canonicalize_name(found["name"]), found["version"],
                            found["marker"] or ""))
        elif line.lstrip().startswith("#"):
            reason = line.lstrip().lstrip("#").strip().removeprefix("via").strip()
            # A constraint (-c) asks for nothing.
            if line.startswith("    #") and reason and not reason.startswith("-c "):
                _add(pins, via=reason)
        elif line.strip():
            raise UnreadableLock(f"{path.name}:{number} is not a locked release: {line.strip()}")
    return pins


def _add(pins: list[Pin], hashes: str = "", via: str = "") -> None:
    last = pins.pop()
    pins.append(Pin(last.name, last.version, last.marker,
                    last.hashes + ((hashes,) if hashes else ()),
                    last.via + ((via,) if via else ())))


def read_inputs(path: Path) -> Iterator[Requirement]:
    """What a *.in asks for, with the files that it includes by -r."""
    for line in path.read_text("utf-8").splitlines():
        stated = line.partition("#")[0].strip()
        if stated.startswith("-r "):
            yield from read_inputs(path.parent / stated.removeprefix("-r ").strip())
        elif stated:
            yield Requirement(stated)

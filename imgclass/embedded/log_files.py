"""What the processes print: files that stay small, and the one line in them that matters."""
from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from imgclass.embedded.errors import StackError

MAX_BYTES = 10 * 1024 * 1024
TAIL_BYTES = 64 * 1024
LONGEST_LINE = 300

# The first pattern that any line matches wins; of several such lines, the last.
TELLING = (
    re.compile(r"^imgclass: "),
    re.compile(r"\b(FATAL|PANIC)\b|\[(emerg|alert)\]"),
    re.compile(r"^[\w.]*(Error|Exception|Exit)\b: "),
    re.compile(r"\b(error|fatal|failed)\b|^F\d{4} ", re.IGNORECASE),
    re.compile(r"\S"),
)


def opened(path: Path) -> BinaryIO:
    """The log, open for appending; moved aside to `<name>.1` first when it has grown large."""
    try:
        if path.exists() and path.stat().st_size > MAX_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
        return path.open("ab")
    except OSError as error:
        raise StackError(f"{path} cannot be written: {error.strerror}") from None


def last_words(path: Path, start: int = 0) -> str:
    """The line after byte `start` that best says why a process stopped."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(start, size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError as error:
        return f"its log cannot be read: {error.strerror}"
    for pattern in TELLING:
        for line in reversed(lines):
            if pattern.search(line):
                return line.strip()[:LONGEST_LINE]
    return "it printed nothing"

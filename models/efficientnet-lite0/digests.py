"""SHA-256 of files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO

_CHUNK_BYTES = 1 << 20


def stream_sha256(stream: IO[bytes]) -> str:
    """Return the SHA-256, in hex, of what is left to read in a stream."""
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return stream_sha256(stream)

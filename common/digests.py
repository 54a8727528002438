"""SHA-256 of files of any size."""
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO

CHUNK_BYTES = 1 << 20


def stream_sha256(file: IO[bytes]) -> str:
    """The digest, in hexadecimal, of what is left to read of a file."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """The digest, in hexadecimal, of a whole file."""
    with path.open("rb") as file:
        return stream_sha256(file)

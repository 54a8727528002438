"""The stack's own passwords and keys: generated once, readable by their owner alone."""
from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from imgclass.embedded.errors import StackError

# The names under which the functions look for them, and how many random bytes each has.
GENERATORS: dict[str, Callable[[], str]] = {
    "postgres-password": lambda: secrets.token_urlsafe(24),
    "postgres-admin-password": lambda: secrets.token_urlsafe(24),
    # S3 servers take access keys of 3 to 20 characters.
    "minio-access-key": lambda: secrets.token_hex(10),
    "minio-secret-key": lambda: secrets.token_urlsafe(24),
    # The object store's administrator: the functions do without.
    "minio-root-user": lambda: secrets.token_hex(10),
    "minio-root-password": lambda: secrets.token_urlsafe(24),
    "events-token": lambda: secrets.token_urlsafe(24),
    # HS256 wants a key no shorter than its 32 byte digest (RFC 7518, section 3.2).
    "jwt-secret": lambda: secrets.token_urlsafe(48),
}


def ensure(directory: Path) -> None:
    """Generate the secrets that are missing; those that are there stay as they are."""
    for name, generate in GENERATORS.items():
        path = directory / name
        if path.exists():
            path.chmod(0o600)
        else:
            write(path, generate())


def read(directory: Path, name: str) -> str:
    """A secret's value. Raises StackError when it cannot be read."""
    try:
        return (directory / name).read_text(encoding="ascii").strip()
    except OSError as error:
        raise StackError(
            f"{directory / name} cannot be read: {error.strerror or error}") from None


def write(path: Path, text: str) -> None:
    """Create or replace a file that only its owner can read; never half-written."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)

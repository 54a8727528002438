"""The account a server runs under that refuses to run as root."""
from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass

from imgclass.embedded.errors import StackError

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    def runs(self, *argv: str) -> bool:
        """Whether a command succeeds when this user runs it."""
        try:
            return subprocess.run(
                argv, cwd="/", env={"LANG": "C.UTF-8"}, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=False,
                user=self.uid, group=self.gid, extra_groups=[]).returncode == 0
        except (PermissionError, FileNotFoundError):
            return False


def unprivileged() -> Account | None:
    """The user root drops to; None when this program does not run as root.

    Raises StackError when root has no such user.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise StackError("Postgres does not run as root, and there is no user `nobody`: "
                     "add one, or run this as an ordinary user")

"""How several workers share the tests: those that need the same costly server stay together."""
from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

# Each of these shares a stack, or images, that no second worker should start as well. All other
# tests are shared out by modules.
TOGETHER = ("tests/containers", "tests/e2e/documentation", "tests/e2e")


def share_of(nodeid: str) -> str:
    """What a worker takes as a whole: a folder or a module."""
    module = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if module.startswith(f"{folder}/")), module)


class SharesByServer(LoadScopeScheduling):
    """Hands out shares in the order in which they were collected: what waits most comes first."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def sendable(value: Any) -> Any:
    """A report, or a part of one, without lone surrogates, which cannot be sent and tests log."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {sendable(key): sendable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(sendable, value))
    return value

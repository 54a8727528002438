"""Every route of a function, and what it answers to whom: `python -m tests.every_route predict`.

A process of its own, because a function that was created never ends.
"""
from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from werkzeug.routing import Rule, UUIDConverter

from tests import tokens
from tests.environments import settings
from tests.tokens import SECRET

ROOT = Path(__file__).parents[1]
FUNCTIONS = ("predict", "history", "model-admin")
MACHINE_TOKEN = "a token of the tests for machines"
# Values that fit any argument of a path: those of the type uuid, and texts.
TEXT, ID = "v1", "6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11"


def _forged(**changes: object) -> str:
    return f"Bearer {tokens.hs256('user', **changes)}"  # type: ignore[arg-type]


# Authorization headers by what is wrong with them; those of users and machines are good.
CALLERS: dict[str, str] = {
    "nobody": "",
    "basic": "Basic dXNlcjpwYXNz",
    "unsigned": f"Bearer {tokens.unsigned('user')}",
    "expired": _forged(exp=int(time.time()) - 600),
    "other secret": _forged(secret="x" * len(SECRET), roles=["admin"]),
    "other audience": _forged(aud="other", roles=["admin"]),
    "user": _forged(),
    "machine": f"Bearer {MACHINE_TOKEN}",
}


@dataclass(frozen=True)
class Route:
    """A method of a path, what stands for its arguments, and the status for each of CALLERS."""

    rule: str
    method: str
    arguments: dict[str, str]
    statuses: dict[str, int]


@lru_cache
def routes_of(function: str) -> list[Route]:
    """The routes of a function with nothing behind it; a user is asked for administrators'."""
    folder = ROOT / "functions" / function
    done = subprocess.run(
        [sys.executable, "-m", "tests.every_route", function], cwd=ROOT, check=True, timeout=120,
        env={"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]), "PATH": os.defpath},
        stdout=subprocess.PIPE, text=True)
    return [Route(**each) for each in json.loads(done.stdout)]


def _arguments(rule: Rule) -> dict[str, str]:
    return {name: ID if isinstance(converter, UUIDConverter) else TEXT
            for name, converter in rule._converters.items()}


def _found_routes(function: str) -> list[Route]:
    module = importlib.import_module(f"{function.replace('-', '_')}.app")
    with tempfile.TemporaryDirectory() as logs:
        app = module.create_app(settings(
            LOG_DIR=logs, EVENTS_TOKEN=MACHINE_TOKEN, INBOX_WORKER="false", SWEEP_SECONDS="0",
            RATE_LIMIT_REFUSED="off"))
        client = app.test_client()
        found: list[Route] = []
        for rule in app.url_map.iter_rules():
            arguments = _arguments(rule)
            path = app.url_map.bind("localhost").build(
                rule.endpoint, {name: uuid.UUID(value) if value == ID else value
                                for name, value in arguments.items()})
            for method in sorted(rule.methods or ()):
                found.append(Route(rule.rule, method, arguments, {
                    caller: client.open(
                        path, method=method, headers={"Authorization": header} if header else {}
                    ).status_code
                    for caller, header in CALLERS.items()
                    # A user is let in elsewhere, and then there is nothing to answer from.
                    if caller != "user" or function == "model-admin" or "/events/" in path}))
    return found


def _print_routes(function: str) -> None:
    with redirect_stdout(sys.stderr):  # where the function's threads log, at any time
        found = _found_routes(function)
    print(json.dumps([asdict(each) for each in found]), flush=True)
    os._exit(0)  # threads that wait for a database do not keep us


if __name__ == "__main__":
    _print_routes(sys.argv[1])

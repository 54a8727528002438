"""Have a function do something once: `python deploy/jobs/call.py URL PATH...`.

What the CronJobs of deploy/kubernetes run. `URL` is the function's; each `PATH` gets a POST with
the machines' token, one after the other. The first call that fails ends it.
"""
from __future__ import annotations

import sys
from collections.abc import Sequence

import httpx

from common.config import Settings
from common.errors import ConfigurationError
from deploy.jobs.machine import call, client_of


class Failed(Exception):
    """A call did not succeed; the message says which, and why."""


def call_all(client: httpx.Client, paths: Sequence[str]) -> None:
    """Raises Failed."""
    for path in paths:
        if problem := call(client, path):
            raise Failed(f"POST {path} failed: {problem}")
        print(f"call: POST {path} done", flush=True)


def main(url: str, *paths: str) -> None:
    """Raises ConfigurationError or Failed."""
    with client_of(url, Settings.load()) as client:
        call_all(client, paths)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (ConfigurationError, Failed) as error:
        sys.exit(f"call: {error}")

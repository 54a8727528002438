"""Have predict look after its inbox: `python deploy/jobs/cron.py URL`.

The service `cron` of docker-compose.yml. `URL` is predict's. A call that fails is logged and made
again when its time comes. /tmp/cron-alive is as old as the last call that succeeded.
"""
from __future__ import annotations

import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from common.config import Settings
from common.errors import ConfigurationError
from deploy.jobs.machine import call, client_of

ALIVE = Path("/tmp/cron-alive")  # nosec B108  # in a container of its own


@dataclass
class Task:
    """A path that wants a POST every `seconds`; `due` is when, in monotonic time."""

    path: str
    seconds: float
    due: float = 0.0


TASKS = (
    Task("/events/drain", 15),
    # Uploads that no event announced; and now and then, pictures and rows against each other.
    Task("/events/sweep?days=0", 60),
    Task("/events/sweep?days=2", 3600),
)


def run(
    client: httpx.Client, tasks: tuple[Task, ...], alive: Path, stop: threading.Event
) -> None:
    """Until `stop`, do each task when it is due, and touch `alive` if that went well."""
    while not stop.wait(max(0.0, min(task.due for task in tasks) - time.monotonic())):
        task = min(tasks, key=lambda each: each.due)
        problem = call(client, task.path)
        task.due = time.monotonic() + task.seconds
        if problem is None:
            alive.touch()
        else:
            print(f"cron: POST {task.path} failed: {problem}", flush=True)


def main(url: str) -> None:
    """Raises ConfigurationError."""
    client = client_of(url, Settings.load())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ALIVE.touch()
    with client:
        run(client, TASKS, ALIVE, stop)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ConfigurationError as error:
        sys.exit(f"cron: {error}")

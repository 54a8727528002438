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

ALIVE = Path("/tmp/cron-alive")  # nosec B108  # in a container of its own
# A sweep that compares two days of pictures with their rows may take its time.
TIMEOUT_SECONDS = 300.0


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


def call(client: httpx.Client, path: str) -> str | None:
    """What went wrong, or None."""
    try:
        answer = client.post(path)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return None if answer.is_success else f"status {answer.status_code}: {answer.text[:300]}"


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
    settings = Settings.load()
    if not settings.events_token:
        raise ConfigurationError("EVENTS_TOKEN is not set, without which predict lets nobody in")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ALIVE.touch()
    headers = {"Authorization": f"Bearer {settings.events_token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS) as client:
        run(client, TASKS, ALIVE, stop)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ConfigurationError as error:
        sys.exit(f"cron: {error}")

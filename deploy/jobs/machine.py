"""Requests of machines to functions, at paths that no gateway shows to the outside."""
from __future__ import annotations

import httpx

from common.config import Settings
from common.errors import ConfigurationError

# A sweep that compares two days of pictures with their rows may take its time.
TIMEOUT_SECONDS = 300.0


def client_of(url: str, settings: Settings) -> httpx.Client:
    """A client of the function at this address. Raises ConfigurationError without EVENTS_TOKEN."""
    if not settings.events_token:
        raise ConfigurationError("EVENTS_TOKEN is not set, without which no function lets us in")
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {settings.events_token}"},
        timeout=TIMEOUT_SECONDS)


def call(client: httpx.Client, path: str) -> str | None:
    """POST to a path; what went wrong, or None."""
    try:
        answer = client.post(path)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return None if answer.is_success else f"status {answer.status_code}: {answer.text[:300]}"

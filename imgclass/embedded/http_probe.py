"""Asking a local server how it is."""
from __future__ import annotations

import http.client
import json

TIMEOUT_SECONDS = 5


def status(host: str, port: int, path: str) -> int | None:
    """The status of GET `path`; None when nothing answers."""
    return get(host, port, path)[0]


def get(host: str, port: int, path: str) -> tuple[int | None, str]:
    """Status and body of GET `path`. Settings for proxies do not apply."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return None, ""
    finally:
        connection.close()


def detail(body: str) -> str:
    """What a problem document says; empty when it is none."""
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return ""

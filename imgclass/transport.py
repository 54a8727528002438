"""HTTP for the client: connections, the few retries that are safe, and problems as exceptions."""
from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx

from imgclass import __version__
from imgclass.errors import (
    ClientError, ConnectionLost, NoAnswer, ProblemError, Unreachable)

LOCAL_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
RETRIES = 2
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0

# Reading twice does no harm, nor does what the server recognises when it comes again. Any other
# write is sent again only where the server has said that it did nothing and when to come back.
REPEAT_ALWAYS = frozenset({429, 502, 503, 504})
REPEAT_IF_ASKED = frozenset({429, 503})
# The first of two equal requests is still being answered.
IN_PROGRESS = 409


class Transport:
    """Sends requests to one server, with one token, over kept connections."""

    def __init__(self, url: httpx.URL, token: str, timeout: float) -> None:
        self._url = url
        self._http = httpx.Client(
            base_url=self._url,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "User-Agent": f"imgclass/{__version__}",
            },
            timeout=timeout,
            # A proxy set for the internet must not stand between a machine and itself.
            trust_env=self._url.host not in LOCAL_HOSTS,
        )

    def close(self) -> None:
        self._http.close()

    def send(
        self, method: str, path: str, repeatable: bool = False, **content: Any
    ) -> httpx.Response:
        """Return the answer to a request once it succeeds.

        `repeatable`: it does no harm to send the request again, though it is no GET. `content`
        is what httpx.Client.request takes: params, data, files, headers, timeout.
        Raises ProblemError, Unreachable or NoAnswer.
        """
        return self._send(method, path, repeatable or method == "GET", False, content)

    @contextmanager
    def stream(self, path: str, **content: Any) -> Iterator[httpx.Response]:
        """The answer to a GET, to be read piece by piece; `content` is as of `send`.

        Raises ProblemError, Unreachable or NoAnswer, and ConnectionLost, from whoever reads it,
        when it ends before it is complete.
        """
        response = self._send("GET", path, True, True, content)
        with closing(response), self._explained():
            yield response

    def _send(
        self, method: str, path: str, repeatable: bool, streamed: bool, content: dict[str, Any]
    ) -> httpx.Response:
        attempt = 0
        while True:
            try:
                return self._send_once(method, path, streamed, content)
            except (Unreachable, ConnectionLost, ProblemError) as error:
                pause = _pause(error, attempt, repeatable)
                if pause is None:
                    raise
            time.sleep(pause)
            attempt += 1

    def _send_once(
        self, method: str, path: str, streamed: bool, content: dict[str, Any]
    ) -> httpx.Response:
        with self._explained():
            response = self._http.send(
                self._http.build_request(method, path, **content), stream=streamed)
            if response.is_success:
                return response
            response.read()
        raise _problem(response)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What goes wrong on the network, as an exception of ours."""
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(self._unreachable(error)) from error
        except httpx.TimeoutException as error:
            raise NoAnswer(f"{self._url} did not answer in time") from error
        except httpx.RequestError as error:
            raise ConnectionLost(f"no answer from {self._url}: {error}") from error

    def _unreachable(self, error: Exception) -> str:
        if self._url.host in LOCAL_HOSTS:
            return f"nothing answers at {self._url}: is the stack up? `make up`"
        return f"cannot connect to {self._url}: {str(error) or 'no answer'}"


def parse_url(base_url: str) -> httpx.URL:
    """The URL of a service. Raises ClientError when it cannot be one."""
    try:
        url = httpx.URL(base_url.rstrip("/"))
    except httpx.InvalidURL as error:
        raise ClientError(f"{base_url!r} is not an address: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ClientError(f"{base_url!r} is not an address such as http://127.0.0.1:8000")
    return url


def _pause(
    error: Unreachable | ConnectionLost | ProblemError, attempt: int, repeatable: bool
) -> float | None:
    """Seconds until the next attempt; None when there should be none."""
    pause = FIRST_PAUSE_SECONDS * 2 ** attempt
    if isinstance(error, ProblemError):
        if not _may_repeat(error, repeatable):
            return None
        if error.retry_after is not None:
            pause = error.retry_after
    elif isinstance(error, ConnectionLost) and not repeatable:
        return None
    return pause if attempt < RETRIES and pause <= LONGEST_PAUSE_SECONDS else None


def _may_repeat(problem: ProblemError, repeatable: bool) -> bool:
    asked = problem.retry_after is not None
    if repeatable:
        return problem.status in REPEAT_ALWAYS or (problem.status == IN_PROGRESS and asked)
    return problem.status in REPEAT_IF_ASKED and asked


def _problem(response: httpx.Response) -> ProblemError:
    body = _problem_body(response)
    return ProblemError.from_document({
        "title": response.reason_phrase,
        **body,
        "status": response.status_code,
        "request_id": body.get("request_id") or response.headers.get("X-Request-Id"),
    }, _seconds(response.headers.get("Retry-After")))


def _problem_body(response: httpx.Response) -> dict[str, Any]:
    """The problem document; empty when something other than the service answered."""
    if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
        return {}
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; None when there is none or it is a date."""
    return float(header) if header and header.isascii() and header.isdigit() else None

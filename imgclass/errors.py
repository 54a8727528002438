"""What can go wrong for a client. Each message is one line for the person who reads it."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The request did not succeed."""


class InvalidToken(ClientError):
    """The token is not a JWT that names its issuer and its subject."""


class MissingToken(ClientError):
    """There is no token to send."""


class Unreachable(ClientError):
    """No connection could be made: the server has seen nothing of the request."""


class NoAnswer(ClientError):
    """The request went out and no answer came back: the server may have acted on it."""


class ConnectionLost(NoAnswer):
    """The connection broke before the answer came."""


class UnexpectedAnswer(ClientError):
    """The server answered, but not as this service does."""


class StillValidating(ClientError):
    """A model's validation has not ended in the time given."""


class StillPending(ClientError):
    """An upload was not classified in the time given."""


class UploadRefused(ClientError):
    """The object store did not take a picture, or would not."""


class ProblemError(ClientError):
    """The server refused the request and said why (RFC 9457, application/problem+json).

    `type` is the problem's URN, `request_id` finds the request in the server's logs, and
    `retry_after` is the number of seconds after which the same request may work.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        type: str = "about:blank",
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type
        self.request_id = request_id
        self.retry_after = retry_after
        super().__init__(status, title, detail, type, request_id, retry_after)

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], retry_after: float | None = None
    ) -> ProblemError:
        """Reads a problem document; `status` has to be in it."""
        return cls(
            status=int(document["status"]),
            title=str(document.get("title") or "unknown error"),
            detail=str(document.get("detail") or ""),
            type=str(document.get("type") or "about:blank"),
            request_id=document.get("request_id"),
            retry_after=retry_after,
        )

    def __str__(self) -> str:
        text = self.detail or self.title
        if self.status >= 500 and self.request_id:
            return f"{text} (status {self.status}, request {self.request_id})"
        return f"{text} (status {self.status})"

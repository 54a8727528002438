"""How commands end; scripts may rely on these codes (docs/cli.md)."""
from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus

from imgclass.errors import (
    ClientError, InvalidToken, MissingToken, NoAnswer, ProblemError, StillPending,
    StillValidating, Unreachable)


class Exit(IntEnum):
    """A command's exit code.

    AWAY is also what the LSB has for a program that is not running, and INTERRUPTED what shells
    have for one that SIGINT ended.
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    AWAY = 3
    REFUSED = 4
    NOT_FOUND = 5
    INTERRUPTED = 130


# The token is at fault, or its roles.
TOKEN_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
# The service is not there or has too much to do.
PASSING = frozenset({
    HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


def code_of(error: ClientError) -> Exit:
    """How a command ends that is kept from its work by this error."""
    if isinstance(error, (Unreachable, NoAnswer, StillPending, StillValidating)):
        return Exit.AWAY
    if isinstance(error, (InvalidToken, MissingToken)):
        return Exit.REFUSED
    if not isinstance(error, ProblemError):
        return Exit.FAILED
    if error.status in TOKEN_REFUSED:
        return Exit.REFUSED
    if error.status == HTTPStatus.NOT_FOUND:
        return Exit.NOT_FOUND
    # A conflict that says when to come back is one with a request that is still being answered.
    busy = error.status == HTTPStatus.CONFLICT and error.retry_after is not None
    return Exit.AWAY if busy or error.status in PASSING else Exit.FAILED

"""Errors as problem+json: every known one has a status, no unknown one says anything."""
from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException, TooManyRequests

from common import errors
from common.problems import RETRY_AFTER_SECONDS, STATUS
from tests import tokens
from tests.probe import create_probe


def descendants(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


EXPECTED = {
    errors.InvalidRequest: (400, "invalid-request", "Invalid request"),
    errors.Unauthenticated: (401, "unauthenticated", "Unauthenticated"),
    errors.Forbidden: (403, "forbidden", "Forbidden"),
    errors.NotFound: (404, "not-found", "Not found"),
    errors.RequestTimeout: (408, "request-timeout", "Request timeout"),
    errors.Conflict: (409, "conflict", "Conflict"),
    errors.ObjectChanged: (409, "conflict", "Conflict"),
    errors.LeaseLost: (409, "conflict", "Conflict"),
    errors.KeyReused: (409, "key-reused", "Key reused"),
    errors.InProgress: (409, "in-progress", "In progress"),
    errors.Gone: (410, "gone", "Gone"),
    errors.PayloadTooLarge: (413, "payload-too-large", "Payload too large"),
    errors.UnsupportedMedia: (415, "unsupported-media", "Unsupported media"),
    errors.InvalidValue: (422, "invalid-value", "Invalid value"),
    errors.BrokenPicture: (422, "broken-picture", "Broken picture"),
    errors.InvalidModel: (422, "invalid-model", "Invalid model"),
    errors.TooManyRequests: (429, "too-many-requests", "Too many requests"),
    errors.Unavailable: (503, "unavailable", "Unavailable"),
    errors.DatabaseUnavailable: (503, "unavailable", "Unavailable"),
    errors.CommitUnknown: (503, "commit-unknown", "Commit unknown"),
    errors.StoreUnavailable: (503, "unavailable", "Unavailable"),
    errors.ModelUnavailable: (503, "unavailable", "Unavailable"),
    errors.Overloaded: (503, "overloaded", "Overloaded"),
    errors.DeadlineExceeded: (503, "deadline-exceeded", "Deadline exceeded"),
}
AT_START_ONLY = {errors.ConfigurationError}


def answer_to(error: Exception, path: str = "/broken") -> tuple[Flask, object]:
    """What a client gets from a route that raises `error`."""
    app = create_probe()

    @app.get("/broken")
    def broken() -> str:
        raise error

    return app, app.test_client().get(path, headers=tokens.bearer("user"))


def test_every_error_has_a_status() -> None:
    """Nobody can add a domain error and forget its status."""
    known = {kind for kind in descendants(errors.ImgclassError)
             if kind.__module__.split(".")[0] in ("common", "predict")}
    assert known - AT_START_ONLY == set(EXPECTED)
    assert set(STATUS) <= set(EXPECTED)


@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.__name__)
def test_domain_errors(kind: type[errors.ImgclassError]) -> None:
    """A domain error becomes a problem with its status, type, title and own words."""
    status, name, title = EXPECTED[kind]
    _, answer = answer_to(kind("What happened."))
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json == {
        "type": f"urn:imgclass:problem:{name}", "title": title, "status": status,
        "detail": "What happened.", "instance": "/broken",
        "request_id": answer.headers["X-Request-Id"],
    }
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    # Who repeats a request that may have been stored after all stores it twice.
    again = kind is errors.InProgress or (status == 503 and kind is not errors.CommitUnknown)
    wait = "1" if status == 429 else str(RETRY_AFTER_SECONDS) if again else None
    assert answer.headers.get("Retry-After") == wait


@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.__name__)
def test_errors_have_words_of_their_own(kind: type[errors.ImgclassError]) -> None:
    """An error raised without words says what its docstring says, in one line."""
    _, answer = answer_to(kind())
    assert answer.json["detail"] == kind.__doc__
    assert "\n" not in answer.json["detail"]


@pytest.mark.parametrize("error", [
    RuntimeError("password=hunter2"), KeyError("hunter2"), ZeroDivisionError("hunter2"),
    errors.ConfigurationError("hunter2"), MemoryError("hunter2"), RecursionError("hunter2")],
    ids=lambda error: type(error).__name__)
def test_unexpected_errors(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """What nobody foresaw is a 500 that gives nothing away; the log has the cause and the id."""
    with caplog.at_level(logging.ERROR):
        _, answer = answer_to(error)
    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.json["title"] == "Internal Server Error"
    assert "hunter2" not in answer.get_data(as_text=True)
    assert "hunter2" in caplog.text


def test_unavailability_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A 503 leaves its cause in the log."""
    error = errors.DatabaseUnavailable()
    error.__cause__ = OSError("connection refused by db-7")
    with caplog.at_level(logging.WARNING):
        _, answer = answer_to(error)
    assert "db-7" in caplog.text
    assert "db-7" not in answer.get_data(as_text=True)


def test_unknown_path() -> None:
    """A path nobody serves is a problem too, with or without a token."""
    app = create_probe()
    for headers in ({}, tokens.bearer("user")):
        answer = app.test_client().get("/nowhere", headers=headers)
        assert answer.status_code == 404
        assert answer.mimetype == "application/problem+json"
        assert answer.json["instance"] == "/nowhere"
        assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_wrong_method() -> None:
    """A method a path does not have is a problem that lists those it has."""
    answer = create_probe().test_client().get("/body", headers=tokens.bearer("user"))
    assert answer.status_code == 405
    assert answer.mimetype == "application/problem+json"
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_framework_errors_keep_their_headers() -> None:
    """An error of the framework becomes a problem without losing what its headers say."""
    error: HTTPException = TooManyRequests(retry_after=7)
    _, answer = answer_to(error)
    assert answer.status_code == 429
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers.get_all("Content-Type") == ["application/problem+json"]

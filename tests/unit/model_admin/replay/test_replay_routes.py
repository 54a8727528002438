"""POST /api/v1/replays: who may ask, with what, and how it is refused."""
from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from model_admin.replay.routes import MAX_BODY_BYTES
from tests import tokens
from tests.fakes.replays import Archive
from tests.unit.model_admin.replay.conftest import Ask

REPLAYS = "/api/v1/replays"


def assert_problem(answer: TestResponse, status: int, kind: str) -> str:
    """The detail of a problem."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json["type"] == f"urn:imgclass:problem:{kind}"
    detail: str = answer.json["detail"]
    return detail


def test_owner(archive: Archive, ask: Ask) -> None:
    """The answer has exactly the documented fields, both sides of it the same ones."""
    recorded = archive.classify()
    answer = ask(recorded)
    assert answer.status_code == 200, answer.text
    assert list(answer.json) == [
        "prediction_id", "same", "picture_intact", "model_intact", "recorded", "replayed",
        "max_abs_difference", "findings"]
    assert answer.json["prediction_id"] == str(recorded.prediction_id)
    assert list(answer.json["recorded"]) == list(answer.json["replayed"]) == [
        "predicted_class", "confidence_score", "top_k", "image_sha256", "model_version", "engine",
        "model_digest", "twin_digest", "preprocessing_digest"]


def test_administrator(archive: Archive, ask: Ask) -> None:
    """An administrator may replay anybody's prediction, which leaves a line; its owner's own
    replays leave none."""
    recorded, admin = archive.classify(), uuid.uuid4()
    assert ask(recorded).status_code == 200
    assert archive.trail.lines == []
    answer = ask(recorded, admin, roles=["admin"])
    assert (answer.status_code, answer.json["same"]) == (200, True)
    ((origin, action, subject, detail),) = archive.trail.lines
    assert (origin.actor, action, subject, detail) == (
        admin, "prediction.replay", str(recorded.prediction_id), {"owner": str(archive.owner)})


def test_somebody_else(archive: Archive, ask: Ask) -> None:
    """Somebody else's prediction is answered like one that does not exist, and not run."""
    recorded = archive.classify()
    runs = len(archive.versions.engines["litert"].calls)
    unknown = replace(recorded, prediction_id=uuid.uuid4())
    details = [assert_problem(ask(recorded, uuid.uuid4()), 404, "not-found"),
               assert_problem(ask(unknown), 404, "not-found")]
    assert details == ["There is no such prediction."] * 2
    assert len(archive.versions.engines["litert"].calls) == runs


def test_needs_a_token(function: Flask, archive: Archive) -> None:
    """Without a token nothing is answered."""
    body = {"prediction_id": str(archive.classify().prediction_id)}
    assert_problem(function.test_client().post(REPLAYS, json=body), 401, "unauthenticated")


@pytest.mark.parametrize(("body", "status", "kind"), [
    (b"", 400, "invalid-request"),
    (b"[]", 400, "invalid-request"),
    (b"{}", 400, "invalid-request"),
    (b"{", 400, "invalid-request"),
    (b'{"prediction_id": null}', 400, "invalid-request"),
    (b'{"prediction_id": "7"}', 422, "invalid-value"),
    (b'{"prediction_id": 7}', 422, "invalid-value"),
    (b'{"prediction_id": ["x"]}', 422, "invalid-value"),
    (b'{"prediction_id": "%s"}' % (b"x" * MAX_BODY_BYTES), 413, "payload-too-large"),
])
def test_malformed(
    function: Flask, archive: Archive, body: bytes, status: int, kind: str,
) -> None:
    """What names no prediction is refused; much of it is not even read."""
    answer = function.test_client().post(
        REPLAYS, data=body, content_type="application/json",
        headers=tokens.bearer(archive.owner))
    detail = assert_problem(answer, status, kind)
    assert "prediction_id" in detail or str(MAX_BODY_BYTES) in detail


def test_chunked_body(function: Flask, archive: Archive) -> None:
    """A body of unknown length is limited as well."""
    answer = function.test_client().post(
        REPLAYS, data=b" " * (MAX_BODY_BYTES + 1), content_type="application/json",
        headers=tokens.bearer(archive.owner),
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True})
    assert_problem(answer, 413, "payload-too-large")


def test_deleted_model(archive: Archive, ask: Ask) -> None:
    """A prediction whose model was deleted cannot be replayed, and the reason says so."""
    recorded = archive.classify()
    archive.mark(recorded, "deleted")
    assert assert_problem(ask(recorded), 409, "conflict") == (
        "Model version v1 was deleted: its predictions cannot be replayed.")


def test_model_that_is_not_ready(archive: Archive, ask: Ask) -> None:
    """Nor one whose model is taken away at this moment."""
    recorded = archive.classify()
    archive.versions.rows.clear()
    assert assert_problem(ask(recorded), 409, "conflict") == "Model version v1 is not ready."


def test_engine_that_is_not_there(archive: Archive, ask: Ask) -> None:
    """Without the engine that answered there is no replay, rather than one by another engine."""
    recorded = archive.classify()
    archive.versions.engines["tensorflow"] = archive.versions.engines.pop("litert")
    answer = ask(recorded)
    assert assert_problem(answer, 503, "unavailable") == (
        "Model v1 needs litert, which is not installed.")


@pytest.mark.parametrize("part", ["predictions", "pictures", "models"])
def test_outage(archive: Archive, ask: Ask, part: str) -> None:
    """An outage is no finding: the caller is asked to come back."""
    recorded = archive.classify()
    getattr(archive, part).down = True
    answer = ask(recorded)
    assert_problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"]

"""/api/v1/backfills over HTTP."""
from __future__ import annotations

import uuid
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from model_admin.backfill.routes import create_routes
from model_admin.backfill.service import Backfills
from tests import tokens
from tests.environments import settings
from tests.ids import ID
from tests.unit.model_admin.backfill.conftest import House

PATH = "/api/v1/backfills"
ADMIN = uuid.uuid4()


class Function:
    """The routes; `woken` counts how often the worker was told to look."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.woken = 0
        app = create_web_app("model-admin", Authenticator(settings()), {}, 10_000,
                             CollectorRegistry())
        app.register_blueprint(create_routes(Backfills(house.backfills, self._wake)))
        self._client = app.test_client()

    def send(
        self, method: str, path: str = PATH, body: Any = None, roles: tuple[str, ...] = ("admin",)
    ) -> TestResponse:
        """What an administrator is answered."""
        return self._client.open(
            path, method=method, json=body, headers=tokens.bearer(ADMIN, roles=[*roles]))

    def start(self, **chosen: Any) -> dict[str, Any]:
        """The answer to an order for v2."""
        answer = self.send("POST", body={"model_version": "v2", "filter": chosen})
        assert answer.status_code == 202
        row: dict[str, Any] = answer.get_json()
        return row

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def function(house: House) -> Function:
    return Function(house)


def test_start(function: Function) -> None:
    """A backfill is accepted, with its row and the place to watch it, and the worker is woken."""
    function.house.add_many(3)
    answer = function.send("POST", body={
        "model_version": "v2", "filter": {"model_version": "v1"}, "pictures_per_second": 5})
    row = answer.get_json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{PATH}/{row['backfill_id']}"
    assert row == {
        "backfill_id": row["backfill_id"], "model_version": "v2",
        "filter": {"model_version": "v1"}, "pictures_per_second": 5.0, "state": "running",
        "problem": None, "total": 3, "classified": 0, "failed": 0, "created_by": str(ADMIN),
        "created_at": "2026-01-31T12:00:00Z", "finished_at": None}
    assert function.woken == 1


def test_progress(function: Function) -> None:
    """A backfill is shown as it stands, with the pictures that failed."""
    good, bad = function.house.add(), function.house.add(b"no picture")
    row = function.start()
    function.house.worker().run_once()
    shown = function.send("GET", f"{PATH}/{row['backfill_id']}").get_json()
    assert (shown["state"], shown["total"], shown["classified"], shown["failed"]) == (
        "done", 2, 1, 1)
    assert shown["failures"] == [
        {"image_id": str(bad), "reason": "The file is not a JPEG, PNG or WebP picture."}]
    assert function.house.classified(uuid.UUID(row["backfill_id"])) == [good]


def test_list(function: Function) -> None:
    """Backfills are listed, newest first."""
    rows = [function.start(), function.start(predicted_class="tabby")]
    assert function.send("GET").get_json() == {"backfills": rows[::-1]}


def test_cancel(function: Function) -> None:
    """A backfill can be cancelled, once or twice, and both is written into the audit log once."""
    row = function.start()
    for _ in range(2):
        answer = function.send("POST", f"{PATH}/{row['backfill_id']}/cancel")
        assert (answer.status_code, answer.get_json()["state"]) == (200, "cancelled")
    assert function.house.backfills.audit == [
        ("backfill.start", row["backfill_id"]), ("backfill.cancel", row["backfill_id"])]


def test_cancel_too_late(function: Function) -> None:
    """A backfill that is done stays so."""
    row = function.start()
    function.house.worker().run_once()
    answer = function.send("POST", f"{PATH}/{row['backfill_id']}/cancel")
    assert answer.status_code == 409
    assert answer.get_json()["detail"] == (
        "The backfill is done; only a running one can be cancelled.")


@pytest.mark.parametrize(("body", "status", "detail"), [
    (None, 400, "Send a JSON object with model_version and filter."),
    ({"model_version": "v2", "filter": {"min_confidence": 2}}, 422,
     "filter.min_confidence must be a number from 0 to 1."),
    ({"model_version": "v9"}, 422, "model_version: there is no model version v9."),
    ({"model_version": "v3"}, 409,
     "Model version v3 is rejected; only a ready one can classify pictures."),
])
def test_refused(function: Function, body: Any, status: int, detail: str) -> None:
    """An order that cannot be carried out is refused with the reason, and wakes nobody."""
    function.house.backfills.states["v3"] = "rejected"
    answer = function.send("POST", body=body)
    assert (answer.status_code, answer.get_json()["detail"]) == (status, detail)
    assert function.woken == 0


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/cancel")])
def test_unknown(function: Function, method: str, suffix: str) -> None:
    """A backfill nobody started is not found."""
    backfill_id = uuid.uuid4()
    answer = function.send(method, f"{PATH}/{backfill_id}{suffix}")
    assert (answer.status_code, answer.get_json()["detail"]) == (
        404, f"There is no backfill {backfill_id}.")
    assert function.send(method, f"{PATH}/everything{suffix}").status_code == 404


@pytest.mark.parametrize(("method", "path"), [
    ("POST", PATH), ("GET", PATH), ("GET", f"{PATH}/{ID}"), ("POST", f"{PATH}/{ID}/cancel")])
def test_for_administrators_only(function: Function, method: str, path: str) -> None:
    """Nobody else may start, see or cancel anything."""
    answer = function.send(method, path, {"model_version": "v2"}, roles=())
    assert answer.status_code == 403
    assert function.house.backfills.rows == {}


def test_database_away(function: Function) -> None:
    """While the database is away the answer says when to come back."""
    function.house.backfills.down = True
    answer = function.send("GET")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")

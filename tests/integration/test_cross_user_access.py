"""What belongs to one user is kept from all others, at every route of the three functions."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from common.config import Settings
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from tests import pictures, tokens
from tests.databases import add_model, environment_of, query, temporary_database
from tests.every_route import FUNCTIONS, Route, routes_of
from tests.function_process import ROOT, FunctionProcess

ADA, BOB, SERVICE = (uuid.uuid4() for _ in range(3))
# Asking for what belongs to another: this looks as if it did not exist.
UNKNOWN = 404
# Saying that something belongs to another.
FORBIDDEN = 403


@dataclass(frozen=True)
class Case:
    """A request in Ada's name or for what is hers; {names} stand for ids of House.ids."""

    function: str
    method: str
    rule: str
    path: str
    refused: int = UNKNOWN
    allowed: int = 200
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


CASES = [
    # No model is active, which matters after the owner was looked at.
    Case("predict", "POST", "/api/v1/predict", "/api/v1/predict", FORBIDDEN, 503,
         {"data": {"user_id": "{user_id}"}, "files": {"file": ("x.jpg", b"no picture")}}),
    Case("predict", "POST", "/api/v1/predict", "/api/v1/predict", UNKNOWN, 503,
         {"json": {"image_id": "{image_id}"}}),
    Case("predict", "POST", "/api/v1/predict", "/api/v1/predict", FORBIDDEN, 503,
         {"json": {"image_id": "{image_id}", "user_id": "{user_id}"}}),
    Case("predict", "POST", "/api/v1/predict/batch", "/api/v1/predict/batch", FORBIDDEN, 200,
         {"data": {"user_id": "{user_id}"}, "files": {"file": ("x.jpg", b"no picture")}}),
    Case("predict", "GET", "/api/v1/uploads/<uuid:upload_id>", "/api/v1/uploads/{upload_id}"),
    Case("history", "GET", "/api/v1/predictions", "/api/v1/predictions?user_id={user_id}"),
    Case("history", "GET", "/api/v1/predictions/<uuid:prediction_id>",
         "/api/v1/predictions/{prediction_id}"),
    Case("history", "GET", "/api/v1/predictions/export",
         "/api/v1/predictions/export?user_id={user_id}"),
    Case("history", "GET", "/api/v1/predictions/stats",
         "/api/v1/predictions/stats?user_id={user_id}"),
    Case("history", "PUT", "/api/v1/predictions/<uuid:prediction_id>/feedback",
         "/api/v1/predictions/{prediction_id}/feedback", options={"json": {"label": "cup"}}),
    Case("history", "DELETE", "/api/v1/predictions/<uuid:prediction_id>/feedback",
         "/api/v1/predictions/{prediction_id}/feedback", allowed=204),
    Case("history", "GET", "/api/v1/images/<uuid:image_id>", "/api/v1/images/{image_id}"),
    Case("history", "GET", "/api/v1/images/<uuid:image_id>/content",
         "/api/v1/images/{image_id}/content"),
    # The model that made Ada's prediction is deleted, and so is the way to replay it.
    Case("model-admin", "POST", "/api/v1/replays", "/api/v1/replays", UNKNOWN, 409,
         {"json": {"prediction_id": "{prediction_id}"}}),
    Case("history", "GET", "/api/v1/users/<uuid:user_id>", "/api/v1/users/{user_id}"),
]
# What Ada herself asks for only at the end.
ERASING = [
    Case("history", "DELETE", "/api/v1/images/<uuid:image_id>", "/api/v1/images/{image_id}",
         allowed=204),
    Case("history", "DELETE", "/api/v1/users/<uuid:user_id>", "/api/v1/users/{user_id}",
         FORBIDDEN, 204),
]
# The routes that show and change what is the caller's own, whatever is sent.
OWN = {
    ("history", "GET", "/api/v1/predictions/uncertain"),
    ("predict", "POST", "/api/v1/uploads"),
    ("predict", "GET", "/v2"),
    *(("predict", method, f"/v2/models/<name>{version}{rest}")
      for version in ("", "/versions/<version>")
      for method, rest in (("GET", ""), ("GET", "/ready"), ("POST", "/infer"))),
    ("history", "GET", "/api/v1/users/me"),
    ("history", "DELETE", "/api/v1/users/me"),
}


@dataclass
class House:
    """The three functions, and the ids of what Ada has."""

    addresses: dict[str, str]
    ids: dict[str, str]

    def ask(
        self, case: Case, caller: uuid.UUID, ids: dict[str, str] | None = None,
        on_behalf_of: uuid.UUID | None = None, **claims: Any,
    ) -> httpx.Response:
        """What `caller` is answered; `ids` stand in the place of Ada's."""
        names = {**self.ids, **(ids or {})}
        headers = tokens.bearer(caller, email=f"{caller}@example.org", **claims)
        if on_behalf_of:
            headers["X-On-Behalf-Of"] = str(on_behalf_of)
        return httpx.request(
            case.method, self.addresses[case.function] + case.path.format(**names),
            headers=headers, timeout=30, **_filled(case.options, names))


def _filled(options: Any, names: dict[str, str]) -> Any:
    if isinstance(options, dict):
        return {key: _filled(value, names) for key, value in options.items()}
    return options.format(**names) if isinstance(options, str) else options


@pytest.fixture(scope="module")
def house(
    servers: Settings, template: str, tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("cross-user")
    with ExitStack() as stack:
        own = stack.enter_context(temporary_database(servers, template))
        bucket = f"images-{uuid.uuid4()}"
        client = s3_client(servers, connections=2)
        client.create_bucket(Bucket=bucket)
        ids = _belongings(own, S3ObjectStore(client, bucket))
        environ = {
            **environment_of(own), "MINIO_ENDPOINT": own.minio_endpoint,
            "MINIO_ACCESS_KEY": own.minio_access_key, "MINIO_SECRET_KEY": own.minio_secret_key,
            "MINIO_BUCKET_NAME": bucket, "MODELS_BUCKET_NAME": bucket,
            "LOG_DIR": str(folder), "MODEL_CACHE_DIR": str(folder / "cache"),
            "INBOX_WORKER": "false", "SWEEP_SECONDS": "0"}
        processes = {name: stack.enter_context(FunctionProcess(
            "handler:app", ROOT / "functions" / name, environ)) for name in FUNCTIONS}
        yield House({name: f"http://{process.host}:{process.port}"
                     for name, process in processes.items()}, ids)


def _belongings(database: Settings, store: S3ObjectStore) -> dict[str, str]:
    """Give Ada a picture, its prediction and an upload; their ids by the routes' names."""
    ids = {"user_id": str(ADA), **{name: str(uuid.uuid4()) for name in (
        "image_id", "prediction_id", "upload_id")}}
    data, key = pictures.jpeg(8, 8), f"2026/01/31/{ids['image_id']}.jpg"
    store.put(key, data, "image/jpeg")
    add_model(database, "v1", state="deleted")
    query(database, "INSERT INTO users (user_id, email) VALUES (%s, 'ada@example.org')", str(ADA))
    query(database, """
        INSERT INTO images (image_id, user_id, filename, object_key, content_type, size_bytes,
                            sha256, width, height)
        VALUES (%s, %s, 'cup.jpg', %s, 'image/jpeg', %s, sha256(%s), 8, 8)""",
          ids["image_id"], ids["user_id"], key, len(data), data)
    query(database, """
        INSERT INTO predictions (prediction_id, image_id, user_id, model_version,
                                 predicted_class, confidence_score, prediction_time_ms)
        VALUES (%s, %s, %s, 'v1', 'espresso', 0.9, 10)""",
          ids["prediction_id"], ids["image_id"], ids["user_id"])
    query(database, """
        INSERT INTO uploads (upload_id, user_id, object_key, filename, content_type, expires_at)
        VALUES (%s, %s, %s, 'cup.jpg', 'image/jpeg', now() + interval '1 hour')""",
          ids["upload_id"], ids["user_id"], f"uploads/{ADA}/{ids['upload_id']}/cup.jpg")
    return ids


def test_every_route_is_tried() -> None:
    """Whoever adds a route that users may ask says here what others are told."""
    def is_for_users(function: str, route: Route) -> bool:
        closed = route.statuses["nobody"] != 401 or route.rule.startswith("/events/")
        for_administrators = function == "model-admin" and route.statuses["user"] == 403
        return not (closed or for_administrators) and route.method not in ("HEAD", "OPTIONS")

    there = {(function, route.method, route.rule)
             for function in FUNCTIONS for route in routes_of(function)
             if is_for_users(function, route)}
    assert there == {(case.function, case.method, case.rule) for case in [*CASES, *ERASING]} | OWN


@pytest.mark.parametrize("case", CASES, ids=str)
def test_owner(house: House, case: Case) -> None:
    """Ada gets at what is hers, so that the refusals below mean something."""
    answer = house.ask(case, ADA)
    assert answer.status_code == case.allowed, answer.text


@pytest.mark.parametrize("roles", [[], ["user", "Admin"], ["service"]], ids=str)
@pytest.mark.parametrize("case", [*CASES, *ERASING], ids=str)
def test_another_user(house: House, case: Case, roles: list[str]) -> None:
    """Bob does not, whatever roles he has that are not admin."""
    answer = house.ask(case, BOB, roles=roles)
    assert answer.status_code == case.refused, answer.text
    assert "espresso" not in answer.text and "cup" not in answer.text


@pytest.mark.parametrize(
    "case", [case for case in [*CASES, *ERASING] if case.refused == UNKNOWN], ids=str)
def test_nothing_is_learnt(house: House, case: Case) -> None:
    """To Bob what is Ada's looks exactly like what does not exist."""
    made_up = {name: str(uuid.uuid4()) for name in house.ids}
    theirs, nothing = house.ask(case, BOB), house.ask(case, BOB, made_up)
    own = {"instance": "", "request_id": ""}
    assert {**theirs.json(), **own} == {**nothing.json(), **own}
    assert theirs.status_code == nothing.status_code


@pytest.mark.parametrize("case", CASES, ids=str)
def test_service(house: House, case: Case) -> None:
    """A service reaches what belongs to the user it acts for, and nothing else."""
    for user, status in ((ADA, case.allowed), (BOB, case.refused), (SERVICE, case.refused)):
        answer = house.ask(case, SERVICE, on_behalf_of=user, roles=["service", "admin"])
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize("case", [*CASES, *ERASING], ids=str)
def test_no_service(house: House, case: Case) -> None:
    """Nobody else gets there by naming Ada in the header of services."""
    for roles in ([], ["admin"]):
        answer = house.ask(case, BOB, on_behalf_of=ADA, roles=roles)
        assert answer.status_code == 403, answer.text


def test_erasing(house: House) -> None:
    """In the end Ada erases her picture and herself; both were there, whoever tried before."""
    for case in ERASING:
        answer = house.ask(case, ADA)
        assert answer.status_code == case.allowed, answer.text

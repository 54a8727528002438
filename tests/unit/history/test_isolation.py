"""No route of history shows one user's data to another, or lets another erase it: every route
there is, is tried."""
from __future__ import annotations

import uuid
from typing import Any

import pytest
from werkzeug.routing import Rule

from common.serving import PUBLIC_PATHS
from history.reference import routes as reference_routes
from common.web import MACHINE_PATHS
from tests import tokens
from tests.fakes.history import user
from tests.unit.history.conftest import EVENTS_TOKEN, House

ALL = [rule for rule in House().app.url_map.iter_rules()
       if rule.rule not in PUBLIC_PATHS | reference_routes.OPEN_PATHS]
RULES = [rule for rule in ALL if "GET" in (rule.methods or ())]
WITH_ID = [rule for rule in RULES if rule.arguments]
# What changes something, as method and rule.
CHANGES = [(method, rule) for rule in ALL for method in sorted(rule.methods or ())
           if method not in ("GET", "HEAD", "OPTIONS")]
ERASING = [rule for method, rule in CHANGES if method == "DELETE" and rule.arguments]


def path_of(rule: Rule, **values: Any) -> str:
    """The rule's path; a KeyError here asks for a new route to be added to these tests."""
    path = rule.rule
    for argument in rule.arguments:
        path = path.replace(f"<uuid:{argument}>", str(values[argument]))
    return path


@pytest.fixture
def adas(house: House) -> dict[str, uuid.UUID]:
    """The ids of what Ada owns, by the names of the routes' arguments."""
    stored = house.stored(b"what only Ada may see")
    row = house.predicted(image_id=stored.image_id)
    house.users.users[house.ada] = user(house.ada)
    return {"prediction_id": row["prediction_id"], "image_id": stored.image_id,
            "user_id": house.ada}


def test_routes_are_tried() -> None:
    """The rules below are those of the interface, not an empty list."""
    assert len(WITH_ID) >= 4
    assert len(RULES) > len(WITH_ID)
    assert len(CHANGES) > len(ERASING) >= 2


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule)
def test_routes_need_a_token(
    house: House, adas: dict[str, uuid.UUID], rule: Rule, method: str,
) -> None:
    """Without a token no route answers anything."""
    answer = house.app.test_client().open(path_of(rule, **adas), method=method)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "rule"), CHANGES, ids=str)
def test_changes_need_a_token(
    house: House, adas: dict[str, uuid.UUID], method: str, rule: Rule
) -> None:
    """Without a token, or with a machine's where a user's is wanted and the other way round,
    nothing changes."""
    path, wrong = path_of(rule, **adas), {"Authorization": f"Bearer {EVENTS_TOKEN}"}
    if rule.rule.startswith(MACHINE_PATHS):
        wrong = tokens.bearer(house.ada)
    for headers in ({}, wrong):
        answer = house.app.test_client().open(path, method=method, headers=headers)
        assert answer.status_code == 401
    assert house.erasures.rows == {}


@pytest.mark.parametrize("rule", ERASING, ids=lambda rule: rule.rule)
def test_others_erase_nothing(house: House, adas: dict[str, uuid.UUID], rule: Rule) -> None:
    """Somebody else's data is not erased, and looks like data that does not exist."""
    theirs, nothing = (
        house.get(path_of(rule, **values), user=house.bob, method="DELETE")
        for values in (adas, {name: uuid.uuid4() for name in adas}))
    assert theirs.status_code == nothing.status_code in (403, 404)
    assert theirs.json["detail"] == nothing.json["detail"]
    assert house.erasures.rows == {}
    assert house.get(path_of(rule, **adas), method="DELETE").status_code == 204


@pytest.mark.parametrize("rule", WITH_ID, ids=lambda rule: rule.rule)
def test_owners_see_their_own(house: House, adas: dict[str, uuid.UUID], rule: Rule) -> None:
    """The owner is answered, so that the refusals below mean something."""
    assert house.get(path_of(rule, **adas)).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("rule", WITH_ID, ids=lambda rule: rule.rule)
def test_others_see_nothing(
    house: House, adas: dict[str, uuid.UUID], rule: Rule, method: str,
) -> None:
    """To somebody else Ada's data looks exactly like data that does not exist."""
    theirs = house.get(path_of(rule, **adas), user=house.bob, method=method)
    nothing = house.get(
        path_of(rule, **{name: uuid.uuid4() for name in adas}), user=house.bob, method=method)
    assert theirs.status_code == nothing.status_code == 404
    assert {**dict(theirs.headers), "X-Request-Id": ""} == {
        **dict(nothing.headers), "X-Request-Id": ""}
    if method == "GET":
        own = {"instance": "", "request_id": ""}
        assert {**theirs.json, **own} == {**nothing.json, **own}


@pytest.mark.parametrize("rule", WITH_ID, ids=lambda rule: rule.rule)
def test_tags_tell_nothing(house: House, adas: dict[str, uuid.UUID], rule: Rule) -> None:
    """Guessing a picture's ETag does not tell whether somebody else has it."""
    answer = house.get(
        path_of(rule, **adas), user=house.bob, headers={"If-None-Match": f'"{"4" * 64}"'})
    assert answer.status_code == 404


def test_lists_show_only_ones_own(house: House, adas: dict[str, uuid.UUID]) -> None:
    """A list never holds somebody else's rows, whatever it is filtered by."""
    mine = house.predicted(user=house.bob)
    for query in ({}, {"predicted_class": "espresso"}, {"user_id": house.bob}, {"limit": 100}):
        answer = house.get("/api/v1/predictions", user=house.bob, **query)
        assert [one["prediction_id"] for one in answer.json["predictions"]] == [
            str(mine["prediction_id"])]
        assert answer.json["total"] == 1


def test_foreign_cursors_show_only_ones_own(house: House) -> None:
    """Somebody else's cursor is a place in one's own list."""
    for _ in range(3):
        house.predicted()
    mine = [house.predicted(user=house.bob) for _ in range(3)]
    cursor = house.get("/api/v1/predictions", limit=1).json["next_cursor"]
    answer = house.get("/api/v1/predictions", user=house.bob, cursor=cursor)
    assert {one["prediction_id"] for one in answer.json["predictions"]} <= {
        str(row["prediction_id"]) for row in mine}

"""Feedback: what people say of predictions, and which ones to ask them about."""
from __future__ import annotations

import uuid
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests import tokens
from tests.unit.history.conftest import House

UNCERTAIN = "/api/v1/predictions/uncertain"


def say(
    house: House, prediction_id: uuid.UUID, body: Any, user: uuid.UUID | None = None,
    roles: list[str] | None = None,
) -> TestResponse:
    """What is answered to an opinion, by default Ada's."""
    return house.app.test_client().put(
        f"/api/v1/predictions/{prediction_id}/feedback", json=body,
        headers=tokens.bearer(user or house.ada, roles=roles or []))


def shown(house: House, prediction_id: uuid.UUID) -> Any:
    return house.get(f"/api/v1/predictions/{prediction_id}").json["feedback"]


def test_said(house: House) -> None:
    """A correction is answered as it is kept, and stands in the prediction's lineage."""
    row = house.predicted()
    assert shown(house, row["prediction_id"]) is None
    answer = say(house, row["prediction_id"], {"label": "cup", "comment": "a\nwhole one"})
    assert (answer.status_code, answer.json["label"]) == (200, "cup")
    assert shown(house, row["prediction_id"]) == answer.json
    assert answer.json["comment"] == "a\nwhole one"
    assert say(house, row["prediction_id"], {"label": "cup", "comment": "a\nwhole one"}
               ).json == answer.json
    assert house.trail.lines == []


def test_labels(house: House) -> None:
    """A label that the model version does not have is refused, and why; nothing is kept."""
    house.feedback.labels["v1"] = ["cup", "espresso"]
    row = house.predicted()
    answer = say(house, row["prediction_id"], {"label": "spoon"})
    assert (answer.status_code, "model version v1" in answer.json["detail"]) == (400, True)
    assert shown(house, row["prediction_id"]) is None
    assert say(house, row["prediction_id"], {"label": "cup"}).status_code == 200


@pytest.mark.parametrize(("body", "status", "word"), [
    (None, 400, "label"), ([], 400, "label"), ({}, 400, "label"),
    ({"label": None}, 400, "label"), ({"label": ""}, 422, "label"), ({"label": 7}, 422, "label"),
    ({"label": "x" * 256}, 422, "label"), ({"label": "a\nb"}, 422, "label"),
    ({"label": "\ud800"}, 422, "label"), ({"label": "cup", "comment": 7}, 422, "comment"),
    ({"label": "cup", "comment": "x" * 2001}, 422, "comment"),
    ({"label": "cup", "comment": "\0"}, 422, "comment"),
    ({"label": "cup", "comment": "\ud800"}, 422, "comment"),
    ({"label": "x" * 20_000}, 413, "bytes")])
def test_refused(house: House, body: Any, status: int, word: str) -> None:
    """What cannot be understood is refused by name."""
    answer = say(house, house.predicted()["prediction_id"], body)
    assert (answer.status_code, word in answer.json["detail"]) == (status, True)


def test_longest(house: House) -> None:
    """The longest label and comment are taken, whatever their characters take as JSON."""
    row = house.predicted()
    body = {"label": "ö" * 255, "comment": "ä" * 2000}
    assert say(house, row["prediction_id"], body).status_code == 200


def test_withdrawn(house: House) -> None:
    """What was said can be taken back, more than once."""
    row = house.predicted()
    say(house, row["prediction_id"], {"label": "cup"})
    path = f"/api/v1/predictions/{row['prediction_id']}/feedback"
    for _ in range(2):
        assert house.get(path, method="DELETE").status_code == 204
        assert shown(house, row["prediction_id"]) is None


def test_others(house: House) -> None:
    """Of another user's prediction nobody says anything but an administrator, who leaves a
    line."""
    row = house.predicted()
    theirs = say(house, row["prediction_id"], {"label": "cup"}, house.bob)
    nothing = say(house, uuid.uuid4(), {"label": "cup"}, house.bob)
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.json["detail"] == nothing.json["detail"]
    assert house.trail.lines == []
    assert say(house, row["prediction_id"], {"label": "cup"}, house.bob, ["admin"]
               ).status_code == 200
    path = f"/api/v1/predictions/{row['prediction_id']}/feedback"
    assert house.get(path, house.bob, admin=True, method="DELETE").status_code == 204
    assert [action for _, action, _, _ in house.trail.lines] == ["feedback.put", "feedback.remove"]


def test_uncertain(house: House) -> None:
    """The least certain come first, page by page; what was spoken of is left out."""
    rows = [house.predicted(top_k=[{"confidence": 0.5 + number / 100}]) for number in range(5)]
    house.predicted(user=house.bob)
    say(house, rows[0]["prediction_id"], {"label": "cup"})
    first = house.get(UNCERTAIN, limit=3).json
    assert [each["prediction_id"] for each in first["predictions"]] == [
        str(row["prediction_id"]) for row in rows[1:4]]
    assert first["predictions"][0]["margin"] == pytest.approx(0.02)
    second = house.get(UNCERTAIN, limit=3, cursor=first["next_cursor"]).json
    assert [each["prediction_id"] for each in second["predictions"]] == [
        str(rows[4]["prediction_id"])]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(("name", "value"), [
    ("limit", "0"), ("limit", "101"), ("limit", "x"), ("cursor", "%"), ("cursor", "bmFuIDA"),
    ("cursor", "x" * 5000)])
def test_uncertain_refused(house: House, name: str, value: str) -> None:
    """What cannot be understood is refused by name."""
    answer = house.get(UNCERTAIN, **{name: value})
    assert (answer.status_code, name in answer.json["detail"]) == (422, True)


def test_database_gone(house: House) -> None:
    """Without the database the answer is to come again."""
    row = house.predicted()
    house.feedback.down = True
    assert house.get(UNCERTAIN).status_code == 503
    assert say(house, row["prediction_id"], {"label": "cup"}).status_code == 503

"""GET /api/v1/users/me and /api/v1/users/{id}: what is stored of a user."""
from __future__ import annotations

import uuid

from tests.fakes.history import user
from tests.unit.history.conftest import House

ME = "/api/v1/users/me"


def test_me(house: House) -> None:
    """Everybody sees what is stored of them, by name and by id."""
    house.users.users[house.ada] = user(house.ada, images=2, image_bytes=1 << 33, predictions=3)
    for path in (ME, f"/api/v1/users/{house.ada}"):
        answer = house.get(path)
        assert (answer.status_code, answer.json) == (200, {
            "user_id": str(house.ada), "email": "ada@example.org",
            "created_at": "2026-01-31T12:00:00Z", "images": 2, "image_bytes": 1 << 33,
            "predictions": 3})
    assert house.trail.lines == []


def test_unknown(house: House) -> None:
    """Who has sent nothing is not known."""
    assert house.get(ME).status_code == 404


def test_erased(house: House) -> None:
    """Who was erased hears so, until something is stored again; strangers hear nothing."""
    house.users.erased.add(house.ada)
    answer = house.get(ME)
    assert (answer.status_code, answer.json["type"]) == (410, "urn:imgclass:problem:gone")
    assert house.get(f"/api/v1/users/{house.ada}", user=house.bob).status_code == 404
    house.users.users[house.ada] = user(house.ada)
    assert house.get(ME).status_code == 200


def test_administrators_leave_a_line(house: House) -> None:
    """Whoever looks at another user's data is written down, with what was looked at."""
    house.users.users[house.ada] = user(house.ada)
    stored = house.stored()
    row = house.predicted(image_id=stored.image_id)
    looks = {
        f"/api/v1/users/{house.ada}": ("user.read", house.ada),
        f"/api/v1/images/{stored.image_id}": ("image.read", stored.image_id),
        f"/api/v1/images/{stored.image_id}/content": ("image.read", stored.image_id),
        f"/api/v1/predictions/{row['prediction_id']}": (
            "prediction.read", row["prediction_id"]),
        "/api/v1/predictions": ("predictions.read", house.ada)}
    for path in looks:
        assert house.get(path, user_id=house.ada).status_code == 200
    assert house.trail.lines == []
    for path in looks:
        answer = house.get(
            path, user=house.bob, admin=True, headers={"X-Request-Id": "look"},
            user_id=house.ada)
        assert answer.status_code == 200
    assert [(action, subject) for _, action, subject, _ in house.trail.lines] == [
        (action, str(subject)) for action, subject in looks.values()]
    for origin, _, _, _ in house.trail.lines:
        assert (origin.actor, origin.request_id, origin.remote_address) == (
            house.bob, "look", "127.0.0.1")
    assert [detail for _, action, _, detail in house.trail.lines if action == "image.read"] == [
        {"owner": str(house.ada)}] * 2


def test_nothing_is_shown_unseen(house: House) -> None:
    """What cannot be written down is not shown to an administrator."""
    stored = house.stored()
    house.trail.down = True
    path = f"/api/v1/images/{stored.image_id}/content"
    assert house.get(path, user=house.bob, admin=True).status_code == 503
    assert house.get(path).status_code == 200


def test_refused_looks_leave_no_line(house: House) -> None:
    """What was not shown was not read."""
    house.get(f"/api/v1/images/{uuid.uuid4()}", user=house.bob, admin=True)
    house.get(f"/api/v1/images/{house.stored().image_id}", user=house.bob)
    assert house.trail.lines == []

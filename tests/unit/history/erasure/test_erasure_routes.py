"""DELETE of pictures and of users over HTTP: what is answered, and what is left."""
from __future__ import annotations

import uuid

import pytest

from common.errors import CommitUnknown, DatabaseUnavailable
from tests import tokens
from tests.unit.history.conftest import EVENTS_TOKEN, House

ME = "/api/v1/users/me"


def image(image_id: uuid.UUID) -> str:
    return f"/api/v1/images/{image_id}"


def test_picture(house: House) -> None:
    """A picture is erased with its bytes; afterwards it is gone, and that it was is known."""
    stored, other = house.stored(), house.stored()
    answer = house.get(image(stored.image_id), method="DELETE")
    assert (answer.status_code, answer.data) == (204, b"")
    assert set(house.store.objects) == {other.object_key}
    house.images.images.remove(stored)
    house.images.erased[stored.image_id] = house.ada
    for path in (image(stored.image_id), image(stored.image_id) + "/content"):
        answer = house.get(path)
        assert (answer.status_code, answer.json["type"]) == (410, "urn:imgclass:problem:gone")
        assert house.get(path, user=house.bob).status_code == 404
        assert house.get(path, user=house.bob, admin=True).status_code == 410


def test_picture_twice(house: House) -> None:
    """Erasing again changes nothing, and is no error."""
    stored = house.stored()
    for _ in range(2):
        assert house.get(image(stored.image_id), method="DELETE").status_code == 204
    assert house.erasures.audit == [
        ("image.delete", str(stored.image_id)), ("image.erased", str(stored.image_id))]


def test_unknown_picture(house: House) -> None:
    """What never was cannot be erased."""
    assert house.get(image(uuid.uuid4()), method="DELETE").status_code == 404
    assert house.erasures.audit == []


def test_administrator(house: House) -> None:
    """An administrator erases anybody's pictures, and anybody."""
    stored, user = house.stored(), house.ada
    for path in (image(stored.image_id), f"/api/v1/users/{user}"):
        assert house.get(path, user=house.bob, admin=True, method="DELETE").status_code == 204
    assert [action for action, _ in house.erasures.audit] == [
        "image.delete", "image.erased", "user.delete", "user.erased"]


def test_quarantine(house: House) -> None:
    """What was put aside of a picture is erased with it."""
    stored = house.stored()
    house.store.put(f"quarantine/{stored.object_key}", b"put aside", "image/jpeg")
    assert house.get(image(stored.image_id), method="DELETE").status_code == 204
    assert house.store.objects == {}


@pytest.mark.parametrize("by_name", [True, False])
def test_user(house: House, by_name: bool) -> None:
    """With a user go all pictures and uploads; others keep theirs."""
    for _ in range(3):
        house.stored()
    house.store.put(f"uploads/{house.ada}/cup.jpg", b"upload", "image/jpeg")
    others = house.stored(user=house.bob).object_key
    house.store.put(f"uploads/{house.bob}/cup.jpg", b"upload", "image/jpeg")
    answer = house.get(ME if by_name else f"/api/v1/users/{house.ada}", method="DELETE")
    assert (answer.status_code, answer.data) == (204, b"")
    assert set(house.store.objects) == {others, f"uploads/{house.bob}/cup.jpg"}


def test_another_user(house: House) -> None:
    """Nobody but an administrator erases somebody else."""
    stored = house.stored()
    answer = house.get(f"/api/v1/users/{house.ada}", user=house.bob, method="DELETE")
    assert (answer.status_code, answer.json["type"]) == (403, "urn:imgclass:problem:forbidden")
    assert stored.object_key in house.store.objects


def test_store_down(house: House) -> None:
    """While the store is away the rows are erased all the same, and the answer is 202 until a
    repeated request, or the function by itself, has removed the objects."""
    stored = house.stored()
    house.store.down = True
    for _ in range(2):
        answer = house.get(image(stored.image_id), method="DELETE")
        assert (answer.status_code, answer.json) == (202, {"state": "pending"})
        assert int(answer.headers["Retry-After"]) > 0
        assert house.erasures.images == {}
    (row,) = house.erasures.rows.values()
    assert (row.reason, row.attempts) == ("The object store does not answer.", 2)
    house.store.down = False
    assert house.get(image(stored.image_id), method="DELETE").status_code == 204
    assert house.store.objects == {}


def test_database_down(house: House) -> None:
    """Without the database nothing is erased, and the answer says when to come back."""
    stored = house.stored()
    house.erasures.down = True
    for path in (image(stored.image_id), ME):
        answer = house.get(path, method="DELETE")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert stored.object_key in house.store.objects


def test_unknown_commit(house: House) -> None:
    """If nobody knows whether an erasure was written down, it may be asked for again."""
    def lose(*_: object) -> None:
        raise CommitUnknown()

    house.erasures.erase_user = lose  # type: ignore[method-assign, assignment]
    answer = house.get(ME, method="DELETE")
    assert (answer.status_code, answer.json["type"]) == (503, "urn:imgclass:problem:unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_database_goes_down(house: House) -> None:
    """What was written down before the database went away is going to be finished."""
    stored = house.stored()
    removed = house.erasures.removed

    def fail(*arguments: object) -> bool:
        raise DatabaseUnavailable()

    house.erasures.removed = house.erasures.put_back = fail  # type: ignore
    assert house.get(image(stored.image_id), method="DELETE").status_code == 202
    house.erasures.removed = removed  # type: ignore[method-assign]


def test_scheduler(house: House) -> None:
    """A scheduler with the machines' token has finished what was left to do."""
    house.stored()
    house.store.down = True
    assert house.get(ME, method="DELETE").status_code == 202
    house.store.down = False
    for row in house.erasures.rows.values():
        row.due_at = row.requested_at
    machine = {"Authorization": f"Bearer {EVENTS_TOKEN}"}
    client = house.app.test_client()
    assert client.post("/events/erasures", headers=machine).json == {
        "finished": 1, "unfinished": 0}
    assert house.store.objects == {}
    assert client.post("/events/erasures?seconds=1", headers=machine).json == {
        "finished": 0, "unfinished": 0}
    assert client.post("/events/erasures?seconds=0", headers=machine).status_code == 422
    assert client.post(
        "/events/erasures", headers=tokens.bearer(house.ada, roles=["admin"])).status_code == 401

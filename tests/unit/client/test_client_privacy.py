"""The client: what is stored of users, erasing it, and the audit log."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone

import pytest

from imgclass.client import Client, ProblemError
from tests.fakes.api import JPEG, FakeApi, Outage
from tests.unit.client.conftest import USER


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks again without a pause."""
    monkeypatch.setattr("imgclass.api.polling.LONGEST_PAUSE_SECONDS", 0.01)


def test_me(client: Client) -> None:
    """Everybody can see how much is stored of them."""
    client.predict(JPEG)
    user = client.me()
    assert user == client.user(USER)
    assert (str(user.user_id), user.images, user.image_bytes, user.predictions) == (
        USER, 1, len(JPEG), 1)
    assert user.created_at == datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_delete_image(client: Client, api: FakeApi) -> None:
    """A picture is erased, however often that is asked."""
    kept, gone = client.predict(JPEG), client.predict(JPEG)
    for _ in range(2):
        assert client.delete_image(gone.image_id)
    assert set(api.images) == {str(kept.image_id)}
    with pytest.raises(ProblemError, match="status 404"):
        client.delete_image(uuid.uuid4())


def test_delete_me(client: Client, api: FakeApi) -> None:
    """Somebody erases everything, and is asked no more for it."""
    client.predict(JPEG)
    api.privacy.pending = 2
    assert client.delete_me()
    assert (api.images, api.predictions) == ({}, [])
    assert api.requests.count("DELETE /api/v1/users/me") == 3
    with pytest.raises(ProblemError, match="status 410"):
        client.me()


def test_delete_user(client: Client, api: FakeApi) -> None:
    """What is not removed in time is told."""
    other = str(uuid.uuid4())
    api.classify(other, JPEG, None)
    api.privacy.pending = 1000
    assert not client.delete_user(other, timeout=0.05)
    assert api.images == {}


def test_erasing_is_repeated(client: Client, api: FakeApi) -> None:
    """An answer that is lost, and a gateway that stumbles, are no reason to give up."""
    api.losing, api.outage = 1, Outage(502, times=1, after=1)
    assert client.delete_me()


def test_audit(client: Client, api: FakeApi) -> None:
    """Lines of the audit log come newest first, page by page, as they are wanted."""
    for number in range(150):
        api.privacy.add_line(subject=str(number))
    lines = client.audit(action="model.", since=datetime(2025, 1, 1, tzinfo=timezone.utc),
                         until=datetime(2027, 1, 1, tzinfo=timezone.utc))
    first = next(lines)
    assert (first.audit_id, first.subject, str(first.actor)) == (150, "149", USER)
    assert (first.detail, first.remote_address) == ({"previous": None}, "192.0.2.7")
    assert first.at.utcoffset() == timedelta(0)
    assert [line.subject for line in lines] == [str(number) for number in range(148, -1, -1)]
    assert api.requests == ["GET /api/v1/audit"] * 2
    assert [*client.audit(actor=uuid.uuid4())] == []

"""GET /api/v1/images/{id} and /content: what is said of a picture, and its bytes."""
from __future__ import annotations

import uuid

import pytest
from werkzeug.http import parse_options_header

from tests.fakes.history import NOON
from tests.ids import ID
from tests.unit.history.conftest import House

DATA = b"\xff\xd8\xff" + bytes(range(256)) * 1000
KEPT = ("Content-Length", "Content-Type", "Content-Disposition", "ETag", "Cache-Control",
        "X-Content-Type-Options")


def content(image_id: uuid.UUID) -> str:
    return f"/api/v1/images/{image_id}/content"


def test_metadata(house: House) -> None:
    """All that is known of a picture, and nothing else."""
    stored = house.stored(b"data", created_at=NOON)
    answer = house.get(f"/api/v1/images/{stored.image_id}")
    assert answer.status_code == 200
    assert answer.json == {
        "image_id": str(stored.image_id),
        "user_id": str(house.ada),
        "filename": "cup.jpg",
        "object_key": f"2026/01/31/{stored.image_id}.jpg",
        "content_type": "image/jpeg",
        "size_bytes": 4,
        "sha256": "4" * 64,
        "width": 640,
        "height": 480,
        "source": "http",
        "created_at": "2026-01-31T12:00:00Z",
    }


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
def test_content(house: House, media_type: str) -> None:
    """The bytes come back as they were sent, of their own type, and are no page to a browser."""
    stored = house.stored(DATA, content_type=media_type)
    answer = house.get(content(stored.image_id))
    assert answer.status_code == 200
    assert answer.data == DATA
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Content-Disposition"] == "attachment; filename=cup.jpg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["ETag"] == f'"{stored.sha256}"'


def test_content_without_a_digest(house: House) -> None:
    """A picture nobody noted the digest of has no ETag, and is always sent."""
    stored = house.stored(DATA, sha256=None, width=None, height=None)
    answer = house.get(content(stored.image_id), headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.data) == (200, DATA)
    assert "ETag" not in answer.headers


def test_content_is_cached_privately(house: House) -> None:
    """A picture never changes, but a shared cache must not show it to somebody else."""
    answer = house.get(content(house.stored().image_id))
    assert answer.cache_control.private
    assert answer.cache_control.immutable
    assert not answer.cache_control.public
    assert answer.cache_control.max_age > 86_400


@pytest.mark.parametrize("form", ['"{}"', 'W/"{}"', '"other", "{}"', "*"])
def test_unchanged(house: House, form: str) -> None:
    """Who has the picture gets 304 without a body, even while the store is down."""
    stored = house.stored()
    house.store.down = True
    answer = house.get(
        content(stored.image_id), headers={"If-None-Match": form.format(stored.sha256)})
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == f'"{stored.sha256}"'
    assert answer.cache_control.private
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("sent", ['"other"', "", "4", '"44"', "nonsense"])
def test_changed(house: House, sent: str) -> None:
    """Another tag, or nonsense, gets the picture."""
    stored = house.stored(DATA)
    answer = house.get(content(stored.image_id), headers={"If-None-Match": sent})
    assert (answer.status_code, answer.data) == (200, DATA)


def test_head(house: House) -> None:
    """HEAD says of the picture what GET says, without sending it."""
    stored = house.stored(DATA)
    get = house.get(content(stored.image_id))
    head = house.get(content(stored.image_id), method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    for name in KEPT:
        assert head.headers[name] == get.headers[name], name


@pytest.mark.parametrize("name", [
    "寸法 📷.jpg", "Müller & Söhne.png", "a b.jpg", 'a"b.jpg', "a\\b.jpg", "a;filename=evil.exe",
    'a"; filename="evil.exe', "a%22%0d%0a.jpg", "../../etc/passwd", "<script>.jpg", "a,b=c.jpg",
    "UTF-8''x.jpg", "x" * 255, "é" * 255])
def test_file_names(house: House, name: str) -> None:
    """Whatever a file was called, it is offered under that name and nothing else is."""
    stored = house.stored(filename=name)
    answer = house.get(content(stored.image_id))
    (header,) = answer.headers.getlist("Content-Disposition")
    assert header.isascii() and header.isprintable()
    assert parse_options_header(header) == ("attachment", {"filename": name})


@pytest.mark.parametrize(("name", "offered"), [
    ("a\r\nSet-Cookie: b=c.jpg", "aSet-Cookie: b=c.jpg"), ("a\nb", "ab"), ("a\x1bb\x7f", "ab"),
    ("cup\u202egpj.exe", "cupgpj.exe"), ("\x85\u2028a", "a"), ("\r\n", "picture")])
def test_file_names_with_control_characters(house: House, name: str, offered: str) -> None:
    """Line breaks and text direction marks are left out: they would forge headers and names."""
    answer = house.get(content(house.stored(filename=name).image_id))
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    (header,) = answer.headers.getlist("Content-Disposition")
    assert parse_options_header(header) == ("attachment", {"filename": offered})


def test_object_gone(house: House) -> None:
    """A picture whose bytes were removed is not found, and its metadata still is."""
    stored = house.stored()
    house.store.delete(stored.object_key)
    answer = house.get(content(stored.image_id))
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert "Content-Disposition" not in answer.headers
    assert house.get(f"/api/v1/images/{stored.image_id}").status_code == 200


def test_store_down(house: House) -> None:
    """Without the store the client is told to come back for the bytes; metadata need none."""
    stored = house.stored()
    house.store.down = True
    answer = house.get(content(stored.image_id))
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.json["detail"] == "The object store does not answer."
    assert int(answer.headers["Retry-After"]) > 0
    assert house.get(f"/api/v1/images/{stored.image_id}").status_code == 200


@pytest.mark.parametrize("tail", ["", "/content"])
def test_database_down(house: House, tail: str) -> None:
    """Without the database nobody knows whose picture it is."""
    stored = house.stored()
    house.images.down = True
    answer = house.get(f"/api/v1/images/{stored.image_id}{tail}")
    assert (answer.status_code, answer.json["detail"]) == (503, "The database does not answer.")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("path", [
    "/api/v1/images", "/api/v1/images/1", "/api/v1/images/1/content", "/api/v1/images//content",
    f"/api/v1/images/{ID}", content(ID), content(ID) + "/"])
def test_unknown_images(house: House, path: str) -> None:
    """What is no picture's address is not found."""
    answer = house.get(path)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_administrators_see_every_picture(house: House) -> None:
    """An administrator may look at anybody's picture."""
    stored = house.stored(DATA, user=house.bob)
    assert house.get(content(stored.image_id), admin=True).data == DATA
    assert house.get(f"/api/v1/images/{stored.image_id}", admin=True).json["user_id"] == str(
        house.bob)

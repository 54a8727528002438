"""Storage events: which are uploads, whose they are, and what looks like no picture."""
from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from predict.inbox.events import StorageEvent, found_event

USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")
UPLOAD = StorageEvent(
    "images", f"uploads/{USER}/cup.jpg", version_id="v" * 128, etag="e" * 128,
    sequencer="s" * 64, size=5000)


def named(name: str, content_type: str = "") -> StorageEvent:
    """An upload of this name."""
    return StorageEvent("images", f"uploads/{USER}/{name}", content_type=content_type)


@pytest.mark.parametrize("key", [
    f"uploads/{USER}/cup.jpg", f"uploads/{USER}/deep/er/cup.jpg", "uploads/cup.jpg",
    "uploads/nobody/cup.jpg", f"uploads/{USER}/Größe 📷.jpg", "uploads/" + "x" * 1016,
    "uploads/" + "é" * 508, f"uploads/{USER}/..", f"uploads//{USER}"])
def test_uploads(key: str) -> None:
    """Every object under uploads/ is one, whosever it is."""
    assert replace(UPLOAD, key=key).is_upload


@pytest.mark.parametrize("key", [
    "", "/", "uploads", "uploads/", f"uploads/{USER}/", f"uploads/{USER}/folder/",
    f"/uploads/{USER}/cup.jpg", f"Uploads/{USER}/cup.jpg", f"uploads2/{USER}/cup.jpg",
    f".uploads/{USER}/1.part", "2026/01/31/cup.jpg", f"quarantine/uploads/{USER}/cup.jpg",
    "uploads/" + "x" * 1017, "uploads/" + "é" * 509, f"uploads/{USER}/nul\0.jpg",
    f"uploads/{USER}/\ud800.jpg"])
def test_no_uploads(key: str) -> None:
    """Folders, other prefixes, and keys that no object can have are none."""
    assert not replace(UPLOAD, key=key).is_upload


@pytest.mark.parametrize(("field", "value"), [
    ("version_id", "v" * 129), ("etag", "e" * 129), ("sequencer", "s" * 65),
    ("bucket", "b" * 64), ("version_id", "\0"), ("etag", "\0"), ("sequencer", "\0"),
    ("version_id", "\ud800"), ("etag", "\ud800"), ("sequencer", "\udfff"),
    ("size", -1), ("size", 2**63)])
def test_what_no_server_tells(field: str, value: str | int) -> None:
    """An event that could not be written down is none, rather than an error for ever."""
    assert not replace(UPLOAD, **{field: value}).is_upload  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [None, 0, 2**63 - 1])
def test_sizes(size: int | None) -> None:
    """Objects may be empty, huge, or of unknown size."""
    assert replace(UPLOAD, size=size).is_upload


@pytest.mark.parametrize(("key", "owner"), [
    (f"uploads/{USER}/cup.jpg", USER), (f"uploads/{str(USER).upper()}/cup.jpg", USER),
    (f"uploads/{USER}/a/b/c.jpg", USER), (f"uploads/{USER}//", USER),
    (f"uploads/{USER}/", None), (f"uploads/{USER}", None), ("uploads/cup.jpg", None),
    (f"uploads//{USER}/cup.jpg", None), ("uploads/nobody/cup.jpg", None),
    (f"uploads/{USER}x/cup.jpg", None), (f"uploads/{USER}\0/cup.jpg", None), ("", None)])
def test_owner(key: str, owner: uuid.UUID | None) -> None:
    """The owner stands in the key, between uploads/ and the name."""
    assert replace(UPLOAD, key=key).owner == owner


@pytest.mark.parametrize(("name", "content_type"), [
    ("cup.jpg", ""), ("cup.jpg", "image/jpeg"), ("cup.JPEG", "image/jpeg"),
    ("cup.png", "IMAGE/PNG"), ("cup.webp", "image/webp"), ("cup", ""), ("cup", "image/jpeg"),
    ("cup.unheard-of", ""), ("cup", "application/octet-stream"),
    ("cup.jpg", "binary/octet-stream"), ("cup.svg", ""), ("cup.jpg", "image/jpeg; q=1"),
    (".jpg", ""), ("a.txt.jpg", "")])
def test_likely(name: str, content_type: str) -> None:
    """What is called a picture, or nothing in particular, may be one."""
    assert not named(name, content_type).is_unlikely


@pytest.mark.parametrize(("name", "content_type"), [
    ("notes.txt", ""), ("cup.jpg", "text/html"), ("notes.txt", "image/jpeg"),
    ("film.mp4", ""), ("cup", "application/pdf"), ("cup.jpg.zip", ""), ("cup.jpg", "imagery")])
def test_unlikely(name: str, content_type: str) -> None:
    """What is called something else by name or media type is looked at last."""
    assert named(name, content_type).is_unlikely


def test_found() -> None:
    """An object that was found has its time of writing, in UTC, for a sequencer."""
    modified = datetime(2026, 1, 31, 12, 0, 0, 5000, timezone(timedelta(hours=1)))
    event = found_event("images", f"uploads/{USER}/cup.jpg", "e" * 32, 7, modified, "version")
    assert event == StorageEvent(
        "images", f"uploads/{USER}/cup.jpg", "version", "e" * 32,
        "2026-01-31T11:00:00.005000Z", 7, modified)
    assert event.is_upload

"""The contracts of PictureIndex and of SweepLock."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Protocol

import pytest

from common.errors import DatabaseUnavailable
from predict.inbox.picture_index import PictureIndex
from predict.inbox.sweep_lock import SweepLock

STORED = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
LATER = STORED + timedelta(minutes=1)
FOLDER = "2026/01/31/"


class Album(Protocol):
    """An index with pictures in it; looks at what is known of them, past the index."""

    index: PictureIndex

    def add(self, key: str, created_at: datetime = STORED) -> None:
        """Somebody's picture."""

    def expect(self, event_id: uuid.UUID, state: str = "pending") -> None:
        """The event of an upload."""

    def erase(self, image_id: uuid.UUID) -> None:
        """A picture was erased."""

    def doom(self, key: str) -> None:
        """An object is going to be removed."""

    def missing(self) -> dict[str, datetime]:
        """Since when which pictures are missing."""


def key(name: object) -> str:
    """The key of a picture."""
    return f"{FOLDER}{name}.jpg"


class PictureIndexContract:
    """Subclasses give the fixtures `album` and `unreachable_index`."""

    def test_without_row(self, album: Album) -> None:
        """Of the keys of a listing, those are told that no picture has."""
        known, unknown = key(uuid.uuid4()), key(uuid.uuid4())
        album.add(known)
        other = f"{FOLDER}a b+ä'%\"\\{{}},.txt"
        assert album.index.without_row([known, unknown, other]) == {unknown, other}
        assert album.index.without_row([known]) == set()
        assert album.index.without_row([]) == set()

    def test_upload_in_progress(self, album: Album) -> None:
        """An object that an upload will have soon is not told; of one that is over it is."""
        pending, dead = uuid.uuid4(), uuid.uuid4()
        album.expect(pending)
        album.expect(dead, "dead")
        found = album.index.without_row([
            key(pending), key(dead), key(f"{pending}.jpg"), key(f"{pending}x"),
            f"{FOLDER}{pending}.JPG", f"{FOLDER}{pending}"])
        assert found == {key(dead), key(f"{pending}.jpg"), key(f"{pending}x"),
                         f"{FOLDER}{pending}.JPG", f"{FOLDER}{pending}"}

    def test_erased(self, album: Album) -> None:
        """Of the keys of a listing, those of erased pictures are told, and of erased uploads."""
        picture, upload, other = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
        album.erase(picture)
        album.expect(upload, "erased")
        album.expect(other)
        keys = [*map(key, (picture, upload, other, "cup", uuid.uuid4())), f"{FOLDER}{picture}"]
        assert album.index.erased(keys) == {key(picture), key(upload)}
        assert album.index.erased([]) == set()
        assert album.index.without_row([key(picture)]) == {key(picture)}

    def test_going_to_be_removed(self, album: Album) -> None:
        """What somebody is about to remove is nobody's concern."""
        album.doom(key("a"))
        assert album.index.without_row([key("a"), key("b")]) == {key("b")}

    def test_between(self, album: Album) -> None:
        """The pictures of a stretch come in the order of their bytes: after one, up to another."""
        names = ["a", "B", "b", "ä", "aa", "z", "_", "0"]
        for name in names:
            album.add(key(name))
        album.add("2026/01/30/a.jpg")
        album.add("2026/02/01/a.jpg")
        in_order = [key(name) for name in ("0", "B", "_", "a", "aa", "b", "z", "ä")]
        assert album.index.between(FOLDER, "2026/01/310", LATER) == in_order
        assert album.index.between(key("B"), key("a"), LATER) == [key("_"), key("a")]
        assert album.index.between(key("z"), key("z"), LATER) == []

    def test_only_settled_pictures(self, album: Album) -> None:
        """Pictures stored just now may still get their objects."""
        album.add(key("old"))
        album.add(key("new"), LATER)
        assert album.index.between(FOLDER, "2026/01/310", LATER) == [key("old")]

    def test_missing(self, album: Album) -> None:
        """It is known since when a picture is missing, until it is there."""
        album.add(key("a"))
        album.add(key("b"))
        assert album.missing() == {}
        album.index.note_missing(key("a"))
        (first,) = album.missing().items()
        assert first[0] == key("a")
        assert abs(first[1] - datetime.now(timezone.utc)) < timedelta(minutes=5)
        album.index.note_missing(key("a"))
        album.index.note_present([key("b")])
        assert album.missing() == dict([first])
        album.index.note_present([key("b"), key("a"), key("unknown")])
        assert album.missing() == {}

    def test_missing_without_picture(self, album: Album) -> None:
        """A picture that was deleted meanwhile is not missed."""
        album.index.note_missing(key("a"))
        album.index.note_present([key("a")])
        album.index.note_present([])
        assert album.missing() == {}

    def test_unreachable(self, unreachable_index: PictureIndex) -> None:
        """Whatever is asked of an index that does not answer, the error says so."""
        for attempt in (
            lambda: unreachable_index.without_row([key("a")]),
            lambda: unreachable_index.erased([key("a")]),
            lambda: unreachable_index.between(FOLDER, "2026/01/310", LATER),
            lambda: unreachable_index.note_missing(key("a")),
            lambda: unreachable_index.note_present([key("a")]),
        ):
            with pytest.raises(DatabaseUnavailable):
                attempt()


class SweepLockContract:
    """Subclasses give the fixtures `lock`, `rival` (of another process) and `unreachable_lock`."""

    def test_one_at_a_time(self, lock: SweepLock, rival: SweepLock) -> None:
        """Who holds the lock keeps all others from it, however often they try."""
        with lock.attempt() as mine:
            assert mine
            for _ in range(3):
                with rival.attempt() as also:
                    assert not also
            with lock.attempt() as again:
                assert not again

    def test_released(self, lock: SweepLock, rival: SweepLock) -> None:
        """Afterwards it is free, also when what was done under it failed."""
        with lock.attempt() as mine:
            assert mine
        with pytest.raises(ValueError, match="sweep"), rival.attempt() as theirs:
            assert theirs
            raise ValueError("sweep")
        with lock.attempt() as mine:
            assert mine

    def test_unreachable(self, unreachable_lock: SweepLock) -> None:
        """Who cannot ask for the lock does not have it."""
        with pytest.raises(DatabaseUnavailable), unreachable_lock.attempt():
            raise AssertionError("nobody has the lock")

"""What becomes of an upload: classified once, refused with a reason, or another one's turn."""
from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from common.errors import NotFound, StoreUnavailable
from common.storage import Writing
from tests import pictures
from tests.unit.predict.inbox.intake import MAX_BYTES, PICTURE, USER, Intake, event_of

OTHER = pictures.jpeg(61, 43)


def test_classified(intake: Intake) -> None:
    """An upload is classified, and moved to where all pictures are."""
    intake.drop()
    (event_id,), (row,) = intake.inbox.rows, intake.inbox.rows.values()
    row.received_at = datetime(2026, 1, 31, 23, 59, tzinfo=timezone.utc)
    assert intake.work() == "classified"
    assert intake.stored() == {f"2026/01/31/{event_id}.png": PICTURE}
    assert intake.store.objects[f"2026/01/31/{event_id}.png"][1] == "image/png"
    assert (row.state, row.fault, row.reason) == ("done", None, None)
    assert intake.work() is None
    assert intake.metric("inbox_events_total", outcome="classified") == 1
    assert intake.metric("inbox_event_duration_seconds_count") == 1


def test_record(intake: Intake) -> None:
    """The record says that the picture came by the bucket, with which event, and whose it is."""
    intake.drop(OTHER, "folder/Größe 寸法.jpg")
    intake.work()
    (event_id,), record = intake.inbox.rows, intake.record()
    assert (record.source, record.request_id) == ("bucket", f"event-{event_id}")
    assert (record.image_id, record.user_id, record.email) == (event_id, USER, None)
    assert (record.filename, record.content_type) == ("Größe 寸法.jpg", "image/jpeg")
    assert (record.size_bytes, record.sha256) == (len(OTHER), hashlib.sha256(OTHER).digest())
    assert (record.width, record.height, record.model_version) == (61, 43, "v1")
    assert record.object_key in intake.stored()
    assert len(record.top_k) == 2  # as many as the manifest names


@pytest.mark.parametrize(("name", "recorded"), [
    ("x" * 300, "x" * 255), ("a\x1b[2J\u202eb.png", "a[2Jb.png"), ("\n", "picture"),
    ("a\\b.png", "b.png")])
def test_name(intake: Intake, name: str, recorded: str) -> None:
    """Of a key the last part is recorded, as that of a file sent by HTTP."""
    intake.drop(name=name)
    assert intake.work() == "classified"
    assert intake.record().filename == recorded


def test_keep_uploads(keeping: Intake) -> None:
    """Where uploads are kept, both objects stay, and the upload is no find for the sweep."""
    key = keeping.drop()
    assert keeping.work() == "classified"
    assert keeping.stored() == {key: PICTURE, keeping.record().object_key: PICTURE}
    assert keeping.row().state == "done"
    assert keeping.inbox.adopt([event_of(keeping, key)]) == 0
    assert keeping.work() is None


def refused(intake: Intake, fault: str) -> str:
    """Deal with an event that is given up for good, and say why it was."""
    before = intake.stored()
    assert intake.work() == "dead"
    (event_id,), row = intake.inbox.rows, intake.row()
    assert (row.state, row.fault) == ("dead", fault)
    assert intake.inbox.told == [event_id]
    assert intake.stored() == before
    assert intake.repository.predictions == {}
    intake.elapse()
    assert intake.work() is None
    assert intake.metric("inbox_events_total", outcome="dead") == 1
    assert row.reason is not None
    return row.reason


@pytest.mark.parametrize(("data", "fault", "reason"), [
    (b"", "not_a_picture", "The file is not a JPEG, PNG or WebP picture."),
    (b"hello", "not_a_picture", "The file is not a JPEG, PNG or WebP picture."),
    (PICTURE[:200], "not_a_picture", "The picture's pixels cannot be decoded."),
    (pictures.png_header(2000, 2000), "too_large", None),
    (pictures.animated("PNG"), "too_large", None),
    (bytes(MAX_BYTES + 1), "too_large", f"The object has more than {MAX_BYTES} bytes."),
], ids=["empty", "text", "cut off", "many pixels", "animated", "many bytes"])
def test_unusable(intake: Intake, data: bytes, fault: str, reason: str | None) -> None:
    """What cannot be classified is given up at once; it stays where it is, and is no find."""
    key = intake.drop(data)
    said = refused(intake, fault)
    assert reason is None or said == reason
    assert key in intake.stored()
    assert intake.inbox.adopt([event_of(intake, key)]) == 0
    assert intake.engine.calls == []


def test_unusable_in_the_place_of_a_picture(intake: Intake) -> None:
    """That a picture was classified before does not excuse what was put in its place."""
    intake.drop()
    intake.work()
    intake.drop(b"text")
    assert intake.work() == "dead"
    assert intake.states() == ["done", "dead"]


def test_unusable_and_written_again(intake: Intake) -> None:
    """What counts for the sweep is when the object that was read was written, not announced."""
    key = intake.put(b"text")
    intake.announce(key, written_at=datetime.now(timezone.utc) - timedelta(hours=1),
                    sequencer="18EB72C315E6DB10")
    refused(intake, "not_a_picture")
    assert intake.inbox.adopt([event_of(intake, key)]) == 0


def test_size_is_not_told(intake: Intake) -> None:
    """An object of more bytes than allowed is not read to its end, whatever was told of it."""
    key = intake.put(bytes(MAX_BYTES + 1))
    intake.announce(key, size=7)
    refused(intake, "too_large")


def test_largest_upload(intake: Intake) -> None:
    """An object of just as many bytes as allowed is classified."""
    intake.drop(PICTURE + bytes(MAX_BYTES - len(PICTURE)))
    assert intake.work() == "classified"


@pytest.mark.parametrize("folder", [
    str(uuid.UUID(int=7)), "somebody", "", f"{USER}x", f"../uploads/{USER}"])
def test_unknown_user(intake: Intake, folder: str) -> None:
    """An upload that lies in nobody's prefix is nobody's picture."""
    intake.announce(intake.put(user=folder))
    assert "uploads/<id of a known user>/" in refused(intake, "unknown_user")


def test_gone(intake: Intake) -> None:
    """An object that was removed before its turn is given up; put there again, it is a find."""
    key = intake.drop()
    intake.store.delete(key)
    assert refused(intake, "gone") == "The object is not there any more."
    intake.put()
    assert intake.inbox.adopt([event_of(intake, key)]) == 1
    assert intake.work() == "classified"


def test_overwritten_before_it_was_read(intake: Intake) -> None:
    """Of two writings the last is classified, though only the first was announced."""
    key = intake.drop()
    intake.put(OTHER)
    assert intake.work() == "superseded"
    assert intake.states() == ["superseded", "pending"]
    assert intake.work() == "classified"
    assert intake.record().sha256 == hashlib.sha256(OTHER).digest()
    assert (intake.states(), key in intake.stored()) == (["superseded", "done"], False)


@pytest.mark.parametrize("newest_first", [True, False])
def test_overwritten_and_announced(intake: Intake, newest_first: bool) -> None:
    """If both writings were announced, in any order, the last is classified once."""
    intake.drop()
    intake.drop(OTHER)
    outcomes = [intake.work(newest_first), intake.work(newest_first), intake.work()]
    assert sorted(map(str, outcomes)) == ["None", "classified", "superseded"]
    assert intake.record().sha256 == hashlib.sha256(OTHER).digest()
    assert intake.inbox.told == []
    assert set(intake.stored()) == {intake.record().object_key}


def while_copied(intake: Intake, action: Callable[[], object]) -> None:
    """Do something between the reading of the next object and its copying."""
    copy = intake.store.copy

    def late(
        source: str, key: str, content_type: str = "", writing: Writing | None = None
    ) -> None:
        intake.store.copy = copy  # type: ignore[method-assign]
        action()
        copy(source, key, content_type, writing)

    intake.store.copy = late  # type: ignore[method-assign]


def test_overwritten_while_it_was_classified(intake: Intake) -> None:
    """What was read must be what is kept: if not, all is done again with what is there."""
    intake.drop()
    while_copied(intake, lambda: intake.put(OTHER))
    assert intake.work() == "retried"
    assert intake.repository.predictions == {}
    intake.elapse()
    assert [intake.work(), intake.work(), intake.work()] == ["superseded", "classified", None]
    record = intake.record()
    assert record.sha256 == hashlib.sha256(OTHER).digest()
    assert intake.stored() == {record.object_key: OTHER}


def test_overwritten_again_and_again(intake: Intake) -> None:
    """A store in which the condition never holds does not keep a worker busy for ever."""
    key = intake.put()
    intake.announce(key, etag="")
    outcomes = []
    for number in range(4):
        while_copied(intake, lambda number=number: intake.put(  # type: ignore[misc]
            pictures.png(60, 41 + number)))
        outcomes.append(intake.work())
        intake.elapse()
    assert outcomes == ["retried", "retried", "dead", None]
    assert intake.row().fault == "exhausted"
    assert intake.row().reason == (
        "The object is not the one expected: it was overwritten meanwhile.")


def test_removed_while_it_was_classified(intake: Intake) -> None:
    """An object that is removed under a worker's hands is gone."""
    key = intake.drop()
    while_copied(intake, lambda: intake.store.delete(key))
    assert intake.work() == "retried"
    intake.elapse()
    refused(intake, "gone")


def test_overwritten_before_it_was_removed(intake: Intake) -> None:
    """What was put in the place of a classified upload is not removed with it."""
    key = intake.drop()
    delete = intake.store.delete_writing

    def late(key: str, writing: Writing) -> None:
        intake.put(OTHER)
        delete(key, writing)

    intake.store.delete_writing = late  # type: ignore[method-assign]
    assert intake.work() == "classified"
    assert intake.stored()[key] == OTHER
    assert intake.row().state == "done"


def test_gone_but_accounted_for(intake: Intake) -> None:
    """An event whose object was classified meanwhile with a later one is no loss."""
    intake.drop()
    intake.drop(OTHER)
    assert intake.work(newest_first=True) == "classified"
    assert intake.work() == "superseded"
    assert intake.inbox.told == []


def test_two_events_of_one_object(intake: Intake) -> None:
    """An object that was announced and found as well is classified once."""
    key = intake.put()
    intake.announce(key, etag="", sequencer="18EB72C315E6DB10")
    assert intake.inbox.adopt([event_of(intake, key)]) == 1
    assert [intake.work(), intake.work(), intake.work()] == ["classified", "superseded", None]
    assert set(intake.stored()) == {intake.record().object_key}


def test_put_again(intake: Intake) -> None:
    """A client that repeats its upload has it classified once, and no object is left over."""
    intake.drop()
    assert intake.work() == "classified"
    key = intake.put()
    intake.announce(key, sequencer="18EB72C315E6DB10")
    assert intake.work() == "superseded"
    assert set(intake.stored()) == {intake.record().object_key}
    assert intake.work() is None


def test_put_again_during_an_outage(intake: Intake) -> None:
    """A repeated upload that cannot be removed now is removed later."""
    intake.drop()
    intake.work()
    key = intake.put()
    intake.announce(key, sequencer="18EB72C315E6DB10")
    delete = intake.store.delete_writing

    def fail(key: str, writing: Writing) -> None:
        raise StoreUnavailable()

    intake.store.delete_writing = fail  # type: ignore[method-assign]
    assert intake.work() == "retried"
    intake.store.delete_writing = delete  # type: ignore[method-assign]
    intake.elapse()
    assert intake.work() == "superseded"
    assert set(intake.stored()) == {intake.record().object_key}


def test_put_again_where_uploads_are_kept(keeping: Intake) -> None:
    """Where uploads are kept, a repeated one is; of it, too, nothing else is left over."""
    key = keeping.drop()
    keeping.work()
    keeping.announce(key, sequencer="18EB72C315E6DB10")
    assert keeping.work() == "superseded"
    assert set(keeping.stored()) == {key, keeping.record().object_key}


def test_overtaken(intake: Intake) -> None:
    """A worker that was so slow that another took its event over leaves all to that one."""
    key = intake.drop()

    def overtake() -> None:
        intake.elapse()
        assert intake.inbox.claim(60, False) is not None

    intake.engine.before = overtake
    assert intake.work() == "overtaken"
    assert intake.repository.predictions == {}
    assert intake.row().state == "pending"
    assert key in intake.stored()
    intake.engine.before = lambda: None
    intake.elapse()
    assert intake.work() == "classified"
    assert set(intake.stored()) == {intake.record().object_key}


def test_upload_cannot_be_removed(intake: Intake) -> None:
    """A picture is safe before its upload is removed; whoever comes next removes that."""
    key = intake.drop()
    delete = intake.store.delete_writing

    def fail(key: str, writing: Writing) -> None:
        raise StoreUnavailable()

    intake.store.delete_writing = fail  # type: ignore[method-assign]
    assert intake.work() == "classified"
    assert (intake.row().state, key in intake.stored()) == ("classified", True)
    assert intake.inbox.adopt([event_of(intake, key)]) == 0
    intake.elapse()
    assert intake.work() == "retried"
    assert intake.row().state == "classified"
    intake.store.delete_writing = delete  # type: ignore[method-assign]
    intake.elapse()
    assert [intake.work(), intake.work()] == ["removed", None]
    assert (intake.row().state, key in intake.stored()) == ("done", False)
    assert len(intake.repository.predictions) == len(intake.engine.calls) == 1


def test_version(intake: Intake) -> None:
    """In a bucket with versions the one that was announced is read."""
    asked = []
    get = intake.store.get

    def versioned(key: str, version_id: str = "") -> object:
        asked.append(version_id)
        if version_id != "v2":
            raise NotFound()
        return get(key)

    intake.announce(intake.put(), version_id="v2", written_at=datetime.now(timezone.utc)
                    - timedelta(minutes=1))
    copy = intake.store.copy

    def unversioned(
        source: str, key: str, content_type: str = "", writing: Writing | None = None
    ) -> None:
        intake.store.get = get  # type: ignore[method-assign]
        copy(source, key, content_type, writing)

    intake.store.get = versioned  # type: ignore[method-assign,assignment]
    intake.store.copy = unversioned  # type: ignore[method-assign]
    assert intake.work() == "classified"
    assert asked == ["v2"]

"""Uploads of users and pictures that were erased: removed, not classified, and forgotten."""
from __future__ import annotations

from datetime import datetime, timezone

from predict.inbox.events import StorageEvent
from tests.unit.predict.inbox.intake import PICTURE, USER, Intake


def erase_user(intake: Intake) -> None:
    """The user is erased, and does not come back."""
    intake.inbox.erased[USER] = datetime.now(timezone.utc)
    intake.inbox.users.clear()


def test_upload_of_an_erased_user(intake: Intake) -> None:
    """What arrives for an erased user is removed, and only an id is kept of it."""
    erase_user(intake)
    intake.drop()
    assert intake.work() == "erased"
    assert intake.stored() == {}
    assert intake.engine.calls == []
    row = intake.row()
    assert (row.state, row.reason) == ("erased", None)
    assert str(USER) not in row.event.key
    assert intake.work() is None


def test_kept_uploads_are_erased_too(keeping: Intake) -> None:
    """Where uploads are kept, those of erased users are not."""
    erase_user(keeping)
    keeping.drop()
    assert keeping.work() == "erased"
    assert keeping.stored() == {}


def test_what_was_copied_already(intake: Intake) -> None:
    """What a worker that died had copied of the upload is removed with it."""
    intake.drop()
    ((event_id, row),) = intake.inbox.rows.items()
    copied = f"{row.received_at:%Y/%m/%d}/{event_id}.png"
    intake.store.copy(row.event.key, copied)
    erase_user(intake)
    assert intake.work() == "erased"
    assert intake.stored() == {}


def test_replaced_meanwhile(intake: Intake) -> None:
    """Other bytes in the place of an upload that was to be removed are another upload."""
    key = intake.drop()
    intake.inbox.doomed.add((key, intake.row().event.etag))
    intake.put(b"other bytes")
    assert intake.work() == "erased"
    assert intake.stored() == {key: b"other bytes"}


def test_store_down(intake: Intake) -> None:
    """As long as the store is away, the event waits."""
    erase_user(intake)
    intake.drop()
    intake.store.down = True
    assert intake.work() == "retried"
    assert intake.row().state == "pending"
    intake.store.down = False
    intake.elapse()
    assert intake.work() == "erased"
    assert intake.stored() == {}


def test_erased_while_it_was_classified(intake: Intake) -> None:
    """An upload that was being classified when its user was erased leaves no row behind."""
    intake.drop()

    def erase() -> None:
        row = intake.row()
        row.state, row.lease_token = "erased", None
        row.event = StorageEvent(row.event.bucket, "erased/1")
        erase_user(intake)

    intake.engine.before = erase
    assert intake.work() == "overtaken"
    assert intake.repository.predictions == {}
    assert intake.row().state == "erased"
    assert PICTURE in intake.stored().values()  # whoever erases waits for it

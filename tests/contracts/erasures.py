"""The contract of ErasureRepository."""
from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Protocol

import pytest

from common.audit import Origin
from common.errors import DatabaseUnavailable
from history.erasure.repository import (
    Begun, ErasureClaim, ErasureRepository, ObjectToRemove)

LEASE = 60.0
ADA, BOB = uuid.uuid4(), uuid.uuid4()
ORIGIN = Origin(uuid.uuid4(), "request-1", "192.0.2.7")


class Archive(Protocol):
    """An erasure repository with what it erases."""

    erasures: ErasureRepository

    def add_image(self, user: uuid.UUID) -> tuple[uuid.UUID, str]:
        """A picture of a user's; answers its id and its key."""

    def add_upload(self, user: uuid.UUID) -> None:
        """Something that a user has put into the bucket, and that came to nothing."""

    def images(self) -> set[uuid.UUID]:
        """The pictures there are."""

    def audit(self) -> list[tuple[str, str]]:
        """Action and subject of every line of the audit log, oldest first."""

    def was_erased(self, kind: str, subject_id: uuid.UUID, owner: uuid.UUID | None) -> bool:
        """What readers hear of a picture or a user."""


def begun(found: Begun | None) -> ErasureClaim:
    """The claim of an erasure that was just asked for, or taken up again."""
    assert found is not None and not found.finished and found.claim is not None
    return found.claim


def erase_image(
    archive: Archive, image_id: uuid.UUID, owner: uuid.UUID | None = ADA, lease: float = LEASE
) -> ErasureClaim:
    return begun(archive.erasures.erase_image(image_id, owner, ORIGIN, lease))


def erase_user(archive: Archive, user: uuid.UUID = ADA, lease: float = LEASE) -> ErasureClaim:
    return begun(archive.erasures.erase_user(user, ORIGIN, lease))


def remove_all(archive: Archive, claim: ErasureClaim) -> None:
    """Say that every object is gone."""
    assert archive.erasures.removed(claim, archive.erasures.objects(claim, 100), LEASE)


class ErasuresContract:
    """Subclasses give the fixtures `archive` and `unreachable_erasures`."""

    def test_image(self, archive: Archive) -> None:
        """An erased picture is gone at once; its object is left to whoever asked."""
        (image_id, key), (other, _) = archive.add_image(ADA), archive.add_image(ADA)
        claim = erase_image(archive, image_id)
        assert archive.images() == {other}
        assert (claim.kind, claim.subject_id, claim.attempts) == ("image", image_id, 1)
        assert abs(claim.requested_at - datetime.now(timezone.utc)) < timedelta(minutes=1)
        assert archive.erasures.objects(claim, 10) == [ObjectToRemove(key, "")]
        assert archive.erasures.claim(LEASE) is None
        assert archive.erasures.unfinished() == 1
        assert archive.audit() == [("image.delete", str(image_id))]

    def test_finish(self, archive: Archive) -> None:
        """An erasure ends once no object is left, and that is told as well."""
        image_id, _ = archive.add_image(ADA)
        claim = erase_image(archive, image_id)
        assert not archive.erasures.finish(claim)
        remove_all(archive, claim)
        assert archive.erasures.objects(claim, 10) == []
        assert archive.erasures.finish(claim)
        assert not archive.erasures.finish(claim)
        assert archive.erasures.unfinished() == 0
        assert archive.audit() == [
            ("image.delete", str(image_id)), ("image.erased", str(image_id))]

    def test_image_of_another(self, archive: Archive) -> None:
        """A picture is erased for its owner, and for who owns everything."""
        image_id, _ = archive.add_image(ADA)
        assert archive.erasures.erase_image(image_id, BOB, ORIGIN, LEASE) is None
        assert archive.erasures.erase_image(uuid.uuid4(), None, ORIGIN, LEASE) is None
        assert archive.images() == {image_id}
        assert archive.audit() == []
        erase_image(archive, image_id, owner=None)
        assert archive.images() == set()

    def test_tombstone(self, archive: Archive) -> None:
        """That a picture was erased is known to its owner, until that is erased too."""
        image_id, _ = archive.add_image(ADA)
        assert not archive.was_erased("image", image_id, ADA)
        erase_image(archive, image_id)
        for owner, known in ((ADA, True), (None, True), (BOB, False)):
            assert archive.was_erased("image", image_id, owner) == known
            assert (archive.erasures.erase_image(image_id, owner, ORIGIN, LEASE)
                    is not None) == known
        assert archive.was_erased("image", uuid.uuid4(), None) is False
        erase_user(archive)
        assert not archive.was_erased("image", image_id, ADA)
        assert archive.was_erased("image", image_id, None)
        assert archive.was_erased("user", ADA, None)
        assert not archive.was_erased("user", BOB, None)

    def test_image_again(self, archive: Archive) -> None:
        """Who asks again hears how far it is, and takes it up if nobody works on it."""
        image_id, _ = archive.add_image(ADA)
        first = erase_image(archive, image_id)
        assert archive.erasures.erase_image(image_id, ADA, ORIGIN, LEASE) == Begun(False, None)
        archive.erasures.put_back(first, "The object store does not answer.", 60)
        second = erase_image(archive, image_id)
        assert (second.erasure_id, second.attempts) == (first.erasure_id, 2)
        assert second.lease_token != first.lease_token
        remove_all(archive, second)
        archive.erasures.finish(second)
        assert archive.erasures.erase_image(image_id, ADA, ORIGIN, LEASE) == Begun(True, None)
        assert [action for action, _ in archive.audit()] == ["image.delete", "image.erased"]

    def test_user(self, archive: Archive) -> None:
        """With a user go all pictures, and nobody else's."""
        mine = [archive.add_image(ADA) for _ in range(3)]
        other, _ = archive.add_image(BOB)
        claim = erase_user(archive)
        assert (claim.kind, claim.subject_id) == ("user", ADA)
        assert archive.images() == {other}
        assert {each.key for each in archive.erasures.objects(claim, 10)} == {
            key for _, key in mine}
        assert len(archive.erasures.objects(claim, 2)) == 2
        assert archive.audit() == [("user.delete", str(ADA))]

    def test_user_again(self, archive: Archive) -> None:
        """Who has nothing left is not erased twice; who came back is."""
        archive.add_image(ADA)
        claim = erase_user(archive)
        assert archive.erasures.erase_user(ADA, ORIGIN, LEASE) == Begun(False, None)
        remove_all(archive, claim)
        archive.erasures.finish(claim)
        assert archive.erasures.erase_user(ADA, ORIGIN, LEASE) == Begun(True, None)
        image_id, key = archive.add_image(ADA)
        again = erase_user(archive)
        assert again.erasure_id != claim.erasure_id
        assert archive.erasures.objects(again, 10) == [ObjectToRemove(key, "")]
        assert image_id not in archive.images()

    def test_user_who_has_put_something_there(self, archive: Archive) -> None:
        """What was put into the bucket and came to nothing is a reason to erase as well."""
        remove_all(archive, claim := erase_user(archive))
        archive.erasures.finish(claim)
        archive.add_upload(ADA)
        assert erase_user(archive).erasure_id != claim.erasure_id
        assert archive.erasures.erase_user(ADA, ORIGIN, LEASE) == Begun(False, None)

    def test_unknown_user(self, archive: Archive) -> None:
        """Somebody of whom nothing is stored is remembered as erased, once."""
        claim = erase_user(archive)
        assert archive.erasures.objects(claim, 10) == []
        assert archive.erasures.finish(claim)
        assert archive.erasures.erase_user(ADA, ORIGIN, LEASE) == Begun(True, None)

    def test_claim(self, archive: Archive) -> None:
        """An erasure whose process died is taken up by another, which alone may go on."""
        image_id, key = archive.add_image(ADA)
        first = erase_image(archive, image_id, lease=0)
        second = archive.erasures.claim(LEASE)
        assert second is not None
        assert (second.erasure_id, second.attempts) == (first.erasure_id, 2)
        assert archive.erasures.claim(LEASE) is None
        assert not archive.erasures.removed(first, [ObjectToRemove(key, "")], LEASE)
        archive.erasures.put_back(first, "why", 0)
        assert archive.erasures.objects(second, 10) == [ObjectToRemove(key, "")]
        remove_all(archive, second)
        assert not archive.erasures.finish(first)
        assert archive.erasures.finish(second)
        assert archive.erasures.claim(LEASE) is None

    def test_put_back(self, archive: Archive) -> None:
        """An erasure that is put back is due after its delay."""
        image_id, _ = archive.add_image(ADA)
        claim = erase_image(archive, image_id)
        archive.erasures.put_back(claim, "The object store does not answer.", 60)
        assert archive.erasures.claim(LEASE) is None
        claim = erase_image(archive, image_id)
        archive.erasures.put_back(claim, None, 0)
        found = archive.erasures.claim(LEASE)
        assert found is not None and found.erasure_id == claim.erasure_id
        assert not archive.erasures.finish(replace(found, lease_token=claim.lease_token))

    def test_oldest_first(self, archive: Archive) -> None:
        """Whichever has waited longest is taken up first."""
        claims = []
        for _ in range(3):
            image_id, _ = archive.add_image(ADA)
            claims.append(erase_image(archive, image_id, lease=0))
        order = [archive.erasures.claim(LEASE) for _ in claims]
        assert [each and each.subject_id for each in order] == [
            each.subject_id for each in claims]

    def test_unreachable(self, unreachable_erasures: ErasureRepository) -> None:
        """Without the database every method says so."""
        erasures, now = unreachable_erasures, datetime.now(timezone.utc)
        claim = ErasureClaim(uuid.uuid4(), "image", uuid.uuid4(), now, uuid.uuid4(), 1)
        for attempt in (
            lambda: erasures.erase_image(ADA, None, ORIGIN, LEASE),
            lambda: erasures.erase_user(ADA, ORIGIN, LEASE), lambda: erasures.claim(LEASE),
            lambda: erasures.objects(claim, 1), lambda: erasures.removed(claim, [], LEASE),
            lambda: erasures.finish(claim), lambda: erasures.put_back(claim, None, 0),
            erasures.unfinished,
        ):
            with pytest.raises(DatabaseUnavailable):
                attempt()

"""Erasures in PostgreSQL: each begins with one transaction that leaves nothing but ids."""
from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from psycopg2.extensions import connection as Connection

from common.audit import Origin, write_audit
from common.auth import placeholder_email
from common.db import Database, load_queries

_queries = load_queries(Path(__file__).with_name("queries.sql"))

# Somebody may have very many pictures.
ERASE_TIMEOUT = "300s"


@dataclass(frozen=True)
class ErasureClaim:
    """An erasure whose objects are this worker's to remove until its lease runs out.

    `kind` is image or user, and `subject_id` the id of either. `attempts` counts the claims so
    far, this one included.
    """

    erasure_id: uuid.UUID
    kind: str
    subject_id: uuid.UUID
    requested_at: datetime
    lease_token: uuid.UUID
    attempts: int


@dataclass(frozen=True)
class Begun:
    """An erasure as a request finds it; `claim` is None if it is finished or another's."""

    finished: bool
    claim: ErasureClaim | None


@dataclass(frozen=True)
class ObjectToRemove:
    """An object to remove, in all its versions; with an `etag`, only those that have it."""

    key: str
    etag: str


class ErasureRepository(Protocol):
    """Erases rows, and keeps what is left to do. Every method raises DatabaseUnavailable.

    Beginning and finishing leave a line in the audit log, in the same transaction.
    """

    def erase_image(
        self, image_id: uuid.UUID, owner: uuid.UUID | None, origin: Origin, lease_seconds: float
    ) -> Begun | None:
        """Forget a picture of `owner`'s, None being everybody, and all that was said of it.

        If that happened before it changes nothing. None if there never was such a picture.
        """

    def erase_user(self, user_id: uuid.UUID, origin: Origin, lease_seconds: float) -> Begun:
        """Forget a user with all pictures, predictions and uploads.

        If that happened before and nothing was stored since, it changes nothing.
        """

    def claim(self, lease_seconds: float) -> ErasureClaim | None:
        """An erasure that is not finished, nobody's and due."""

    def objects(self, claim: ErasureClaim, limit: int) -> list[ObjectToRemove]:
        """Some of the objects that are to be removed now."""

    def removed(
        self, claim: ErasureClaim, objects: Sequence[ObjectToRemove], lease_seconds: float
    ) -> bool:
        """These objects are gone. False if the claim is another's by now; extends the lease."""

    def finish(self, claim: ErasureClaim) -> bool:
        """Nothing is left. False if something is, or the claim is another's by now."""

    def put_back(self, claim: ErasureClaim, reason: str | None, delay_seconds: float) -> None:
        """Let it be claimed again later, and say why it is not finished."""

    def unfinished(self) -> int:
        """How many erasures are not finished."""


class PostgresErasures:
    """ErasureRepository on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def erase_image(
        self, image_id: uuid.UUID, owner: uuid.UUID | None, origin: Origin, lease_seconds: float
    ) -> Begun | None:
        with self._database.transaction() as connection:
            image = _queries.hold_image(connection, image_id=image_id, owner=owner)
            if image is None:
                return _resume(connection, "image", image_id, owner, lease_seconds)
            begun = _begin(connection, "image", image_id, image["user_id"], lease_seconds)
            which = {"image_id": image_id, "erasure_id": begun.erasure_id}
            for erase in (
                    _queries.queue_objects_of_image, _queries.delete_upload_of_image,
                    _queries.blank_events_of_image, _queries.blank_keys_of_image,
                    _queries.delete_told_of_image, _queries.delete_failures_of_image,
                    _queries.delete_predictions_of_image, _queries.delete_image):
                erase(connection, **which)
            write_audit(connection, origin, "image.delete", str(image_id), {
                "erasure_id": str(begun.erasure_id), "by_owner": image["user_id"] == origin.actor})
        return Begun(False, begun)

    def erase_user(self, user_id: uuid.UUID, origin: Origin, lease_seconds: float) -> Begun:
        with self._database.transaction(ERASE_TIMEOUT) as connection:
            [*_queries.hold_events_of_user(connection, user_id=user_id)]
            _queries.delete_keys_of_user(connection, user_id=user_id)
            is_known = _hold_user(connection, user_id)
            if not is_known and not _queries.has_events(connection, user_id=user_id):
                known = _resume(connection, "user", user_id, None, lease_seconds)
                if known is not None:
                    _queries.delete_user(connection, user_id=user_id)
                    return known
            counts = dict(_queries.count_of_user(connection, user_id=user_id))
            begun = _begin(connection, "user", user_id, None, lease_seconds)
            which = {"user_id": user_id, "erasure_id": begun.erasure_id}
            for erase in (
                    _queries.queue_objects_of_user, _queries.blank_events_of_user,
                    _queries.delete_uploads_of_user, _queries.blank_keys_about_user,
                    _queries.delete_told_of_user, _queries.delete_failures_of_user,
                    _queries.blank_backfills_of_user, _queries.delete_predictions_of_user,
                    _queries.delete_images_of_user, _queries.forget_owner,
                    _queries.delete_user):
                erase(connection, **which)
            write_audit(connection, origin, "user.delete", str(user_id), {
                "erasure_id": str(begun.erasure_id), **counts})
            moment = _queries.date_erasure(connection, erasure_id=begun.erasure_id)
        return Begun(False, replace(begun, requested_at=moment))

    def claim(self, lease_seconds: float) -> ErasureClaim | None:
        with self._database.transaction() as connection:
            return _claim(connection, None, lease_seconds)

    def objects(self, claim: ErasureClaim, limit: int) -> list[ObjectToRemove]:
        with self._database.transaction() as connection:
            rows = _queries.list_objects(
                connection, erasure_id=claim.erasure_id, limit=limit)
            return [ObjectToRemove(row["object_key"], row["etag"]) for row in rows]

    def removed(
        self, claim: ErasureClaim, objects: Sequence[ObjectToRemove], lease_seconds: float
    ) -> bool:
        with self._database.transaction() as connection:
            if _queries.extend_lease(
                    connection, **_key(claim), lease_seconds=lease_seconds) is None:
                return False
            _queries.forget_objects(
                connection, erasure_id=claim.erasure_id, keys=[each.key for each in objects],
                etags=[each.etag for each in objects])
        return True

    def finish(self, claim: ErasureClaim) -> bool:
        with self._database.transaction() as connection:
            row = _queries.finish_erasure(connection, **_key(claim))
            if row is not None:
                write_audit(
                    connection, Origin(), f"{row['kind']}.erased", str(row["subject_id"]),
                    {"erasure_id": str(claim.erasure_id)})
        return row is not None

    def put_back(self, claim: ErasureClaim, reason: str | None, delay_seconds: float) -> None:
        with self._database.transaction() as connection:
            _queries.put_back(
                connection, **_key(claim), reason=reason, delay_seconds=delay_seconds)

    def unfinished(self) -> int:
        with self._database.transaction() as connection:
            count: int = _queries.count_unfinished(connection)
        return count


def _hold_user(connection: Connection, user_id: uuid.UUID) -> bool:
    """Hold a user's row, or one made for that purpose; whether anything was stored of the user.

    Whoever erases the same user at the same moment is waited for, and so is a request that is
    just storing the user's first picture.
    """
    created = 0
    for _ in range(3):
        if _queries.hold_user(connection, user_id=user_id) is not None:
            break
        created = _queries.ensure_user(
            connection, user_id=user_id, placeholder_email=placeholder_email(user_id))
    return created == 0


def _begin(
    connection: Connection, kind: str, subject_id: uuid.UUID, owner_id: uuid.UUID | None,
    lease_seconds: float,
) -> ErasureClaim:
    return ErasureClaim(**_queries.begin_erasure(
        connection, kind=kind, subject_id=subject_id, owner_id=owner_id,
        lease_seconds=lease_seconds))


def _resume(
    connection: Connection, kind: str, subject_id: uuid.UUID, owner: uuid.UUID | None,
    lease_seconds: float,
) -> Begun | None:
    """What became of an erasure that was asked for before, taken up if nobody works on it."""
    row = _queries.find_erasure(connection, kind=kind, subject_id=subject_id, owner=owner)
    if row is None:
        return None
    if row["finished_at"] is not None:
        return Begun(True, None)
    return Begun(False, _claim(connection, row["erasure_id"], lease_seconds))


def _claim(
    connection: Connection, erasure_id: uuid.UUID | None, lease_seconds: float
) -> ErasureClaim | None:
    row = _queries.claim_erasure(
        connection, erasure_id=erasure_id, lease_seconds=lease_seconds)
    return ErasureClaim(**row) if row else None


def _key(claim: ErasureClaim) -> dict[str, Any]:
    return {"erasure_id": claim.erasure_id, "lease_token": claim.lease_token}

"""Everything that the system may come to know of somebody, as predict and model-admin store it."""
from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from psycopg2.extras import Json

from common.audit import Origin
from common.config import Settings
from common.db import Database
from common.s3 import S3ObjectStore
from history.erasure.repository import PostgresErasures
from history.erasure.worker import ErasureWorker
from history.feedback.repository import PostgresFeedback
from predict.idempotency.key import read_key
from predict.idempotency.repository import PostgresKeyRepository
from predict.inbox.events import found_event
from predict.inbox.repository import ClaimedEvent, PostgresInbox
from predict.repository import KeyClaim, PostgresPredictionRepository, UploadClaim
from predict.uploads.repository import AllowedUpload, PostgresUploadRepository
from tests.databases import query
from tests.records import record, shadow_record

LEASE = 60.0
ADD_BACKFILL = """
    INSERT INTO backfills (model_version, filter, pictures_per_second, total, created_by)
    VALUES ('v2', %s, 1, 1, gen_random_uuid()) RETURNING backfill_id
"""
ADD_PREDICTION = """
    INSERT INTO predictions (image_id, user_id, model_version, predicted_class, confidence_score,
                             prediction_time_ms, source, backfill_id)
    VALUES (%s, %s, 'v2', 'cup', 1, 1, 'backfill', %s)
"""


class Life:
    """Somebody with pictures, uploads in every state, keys, shadows and backfills.

    `words` are all that must not be found anywhere once it is erased, but for `user_id`;
    `contents` the bytes of pictures. The models v1 and v2 must be there.
    """

    def __init__(
        self, database: Database, settings: Settings, store: S3ObjectStore, bucket: str,
        name: str,
    ) -> None:
        self.user_id, self.name = uuid.uuid4(), name
        self.email = f"{name}-{self.user_id.hex[:8]}@example.org"
        self.words: set[str] = {self.email, name}
        self.contents: set[bytes] = set()
        self.images: list[uuid.UUID] = []
        self._settings, self._store, self._bucket = settings, store, bucket
        self._database = database
        self._predictions = PostgresPredictionRepository(database, has_sink=True)
        self._keys = PostgresKeyRepository(database)
        self._inbox = PostgresInbox(database, bucket, has_sink=True)
        self._uploads = PostgresUploadRepository(database, bucket)
        self._erasures = PostgresErasures(database)

    def live(self) -> None:
        """Do all that can be done."""
        self.send("plain")
        image_id = self.send("keyed", key=self.user_id)
        self.send("by an administrator", key=uuid.uuid4())
        self._put_aside(self.send("put aside"))
        self._backfill(image_id)
        self._say(image_id)
        kept = self.upload("kept", keep=True)
        self._repeat("kept", kept)
        self.upload("classified", keep=False)
        self.announce("waiting")
        self.claim(self.announce("being classified"))
        self._bury(self.announce("notes"))
        self._allow("form")
        self._erase(self.send("erased before"))

    def send(self, what: str, key: uuid.UUID | None = None) -> uuid.UUID:
        """A picture sent by HTTP, with its shadow; `key` is whose Idempotency-Key came along."""
        claim = self._claim_key(what, key) if key else None
        given = record(**self._picture(what), user_id=self.user_id, email=self.email)
        self._store.put(given.object_key, self._content(what), "image/jpeg")
        prediction_id = self._predictions.record(given, claim)
        self._predictions.record_shadow(shadow_record(prediction_id))
        self._know(given.image_id, given.object_key, prediction_id)
        self.images.append(given.image_id)
        return given.image_id

    def announce(self, what: str) -> str:
        """An object put into the bucket, and announced; answers its key."""
        key = f"uploads/{self.user_id}/{self.name} {what}.jpg"
        self._store.put(key, self._content(what), "image/jpeg")
        (found,) = (each for each in self._store.list(key) if each.key == key)
        self._inbox.announce([found_event(
            self._bucket, key, found.etag, found.size, found.modified)])
        self.words.add(key)
        return key

    def claim(self, key: str, lease_seconds: float = LEASE) -> ClaimedEvent:
        """A worker takes the event of an object, and copies it to where its picture would lie."""
        claimed = None
        while claimed is None or claimed.object_key != key:
            claimed = self._inbox.claim(lease_seconds, True)
            assert claimed is not None
        self._store.copy(key, self._place(claimed))
        return claimed

    def upload(self, what: str, keep: bool) -> ClaimedEvent:
        """A picture put into the bucket, and classified; its upload stays there."""
        claimed = self.claim(self.announce(what))
        self.record(what, claimed, keep)
        return claimed

    def record(self, what: str, claimed: ClaimedEvent, keep: bool = False) -> uuid.UUID:
        """What a worker does in the end. Raises LeaseLost."""
        modified = self._store.get(claimed.object_key).writing.modified
        picture = {**self._picture(what), "image_id": claimed.event_id,
                   "object_key": self._place(claimed)}
        prediction_id = self._predictions.record(
            record(**picture, user_id=self.user_id, email=None, source="bucket"),
            UploadClaim(claimed.event_id, claimed.lease_token, claimed.etag, modified, keep))
        self._know(claimed.event_id, picture["object_key"], prediction_id)
        self.images.append(claimed.event_id)
        return prediction_id

    def _picture(self, what: str) -> dict[str, Any]:
        image_id, name = uuid.uuid4(), f"{self.name} {what}.jpg"
        day = datetime.now(timezone.utc)
        return {"image_id": image_id, "filename": name,
                "object_key": f"{day:%Y/%m/%d}/{image_id}.jpg"}

    def _content(self, what: str) -> bytes:
        content = f"{self.name} {what}".encode()
        self.contents.add(content)
        return content

    @staticmethod
    def _place(claimed: ClaimedEvent) -> str:
        return f"{claimed.received_at:%Y/%m/%d}/{claimed.event_id}.jpg"

    def _know(self, image_id: uuid.UUID, key: str, prediction_id: uuid.UUID) -> None:
        self.words |= {key, str(prediction_id)}

    def _claim_key(self, what: str, sender: uuid.UUID) -> KeyClaim | None:
        key = read_key(what.replace(" ", "-"), sender, self.user_id, None, self._content(what))
        assert key is not None
        self.words.add(key.request_digest.hex())
        return self._keys.claim(key, LEASE)

    def _put_aside(self, image_id: uuid.UUID) -> None:
        (row,) = query(self._settings, "SELECT object_key FROM images WHERE image_id = %s",
                       image_id)
        self._store.copy(row["object_key"], f"quarantine/{row['object_key']}")

    def _repeat(self, what: str, first: ClaimedEvent) -> None:
        """The same object announced once more, and passed over."""
        self._inbox.announce([found_event(
            self._bucket, first.object_key, first.etag, 1,
            datetime.now(timezone.utc) + timedelta(seconds=1))])
        again = self._inbox.claim(LEASE, True)
        assert again is not None and again.object_key == first.object_key
        self._inbox.supersede(again, f"The same as {first.object_key}.")

    def _bury(self, key: str) -> None:
        self._inbox.bury(self.claim(key), "not_a_picture", f"{key} is no picture.")

    def _allow(self, what: str) -> None:
        upload_id, name = uuid.uuid4(), f"{self.name} {what}.jpg"
        self._uploads.add(AllowedUpload(
            upload_id, self.user_id, f"uploads/{self.user_id}/{upload_id}/{name}", name,
            "image/jpeg", datetime.now(timezone.utc)), self.email)
        self.words.add(str(upload_id))

    def _erase(self, image_id: uuid.UUID) -> None:
        begun = self._erasures.erase_image(image_id, self.user_id, Origin(self.user_id), LEASE)
        assert begun is not None and begun.claim is not None
        assert ErasureWorker(self._erasures, self._store).work(begun.claim, float("inf"))

    def _say(self, image_id: uuid.UUID) -> None:
        (row,) = query(self._settings, """
            SELECT prediction_id FROM predictions WHERE image_id = %s AND backfill_id IS NULL""",
                       image_id)
        PostgresFeedback(self._database).put(
            row["prediction_id"], "cup", f"the cup of {self.name}")

    def _backfill(self, image_id: uuid.UUID) -> None:
        """A backfill of this user's pictures, which one of them failed."""
        (row,) = query(self._settings, ADD_BACKFILL, Json({"user_id": str(self.user_id)}))
        query(self._settings, "INSERT INTO backfill_failures VALUES (%s, %s, %s)",
              row["backfill_id"], image_id, f"{self.name} cannot be read.")
        query(self._settings, ADD_PREDICTION, image_id, self.user_id, row["backfill_id"])

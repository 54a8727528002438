"""Classifying one upload: fetched, classified by the service every picture meets, tidied up."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from common.errors import (
    BrokenPicture, ImgclassError, LeaseLost, NotFound, ObjectChanged, PayloadTooLarge,
    UnsupportedMedia)
from common.fields import clean_filename
from common.purging import purge
from common.storage import ListedObject, ObjectStore, StoredObject, Writing
from predict.idempotency.service import Classifier
from predict.inbox.repository import ClaimedEvent, Fault
from predict.repository import UploadClaim
from predict.service import Submission, Upload

_FAULTS: dict[type[ImgclassError], Fault] = {
    UnsupportedMedia: "not_a_picture",
    BrokenPicture: "not_a_picture",
    PayloadTooLarge: "too_large",
}


@dataclass
class UploadRefused(Exception):
    """An upload that will never be classified, and why; `writing` is what was read of it."""

    fault: Fault
    reason: str
    writing: Writing | None = None


class Repeated(Exception):
    """The same bytes were classified with another event, or another has this event's lease."""

    def __init__(self, writing: Writing) -> None:
        super().__init__()
        self.writing = writing


class Overwritten(Exception):
    """Another object lies in the place of the one that was announced."""

    def __init__(self, writing: Writing, size: int) -> None:
        super().__init__()
        self.writing = writing
        self.size = size


class UploadClassifier:
    """Takes uploads through the service that classifies what comes by HTTP."""

    def __init__(
        self, store: ObjectStore, service: Classifier, max_bytes: int, keep_uploads: bool
    ) -> None:
        self._store = store
        self._service = service
        self._max_bytes = max_bytes
        self._keep = keep_uploads

    def classify(self, event: ClaimedEvent) -> Writing:
        """Classify the object of an event, and say which writing of it that was.

        Raises UploadRefused, Overwritten, ObjectChanged when that happened only just now,
        Repeated, and Unavailable.
        """
        if event.user_id is None or not event.owner_known:
            raise UploadRefused(
                "unknown_user", "The key does not begin with uploads/<id of a known user>/.")
        if event.size_bytes is not None and event.size_bytes > self._max_bytes:
            raise self._too_large()
        try:
            stored = self._store.get(event.object_key, event.version_id)
        except NotFound as error:
            raise UploadRefused("gone", "The object is not there any more.") from error
        if event.etag and stored.writing.etag != event.etag:
            raise Overwritten(stored.writing, stored.size)
        submission = self._submission(event, stored)
        try:
            self._service.classify(submission)
        except (UnsupportedMedia, BrokenPicture, PayloadTooLarge) as error:
            raise UploadRefused(_FAULTS[type(error)], str(error), stored.writing) from error
        except LeaseLost as error:
            raise Repeated(stored.writing) from error
        except NotFound as error:  # removed while it was being looked at
            raise ObjectChanged() from error
        return stored.writing

    def tidy(self, event: ClaimedEvent, writing: Writing) -> None:
        """Remove the upload of a classified picture, unless uploads are kept.

        Raises StoreUnavailable.
        """
        if not self._keep:
            self._store.delete_writing(event.object_key, writing)

    def discard(self, event: ClaimedEvent, writing: Writing) -> None:
        """Remove an upload as tidy does, and what was copied of it already.

        Raises StoreUnavailable.
        """
        self.tidy(event, writing)
        for copied in self._copies(event):
            self._store.delete(copied.key)

    def erase(self, event: ClaimedEvent) -> None:
        """Remove the object of an event, and what was copied of it, for good.

        Raises StoreUnavailable.
        """
        purge(self._store, event.object_key, event.etag)
        for copied in self._copies(event):
            purge(self._store, copied.key)

    def _copies(self, event: ClaimedEvent) -> Iterator[ListedObject]:
        return self._store.list(f"{event.received_at:%Y/%m/%d}/{event.event_id}.")

    def _submission(self, event: ClaimedEvent, stored: StoredObject) -> Submission:
        assert event.user_id is not None  # nosec B101  # for mypy
        writing = stored.writing
        return Submission(
            data=self._read(stored),
            filename=clean_filename(event.object_key),
            user_id=event.user_id,
            email=None,
            request_id=f"event-{event.event_id}",
            top_k=1,
            upload=Upload(
                event.object_key, writing, event.received_at,
                UploadClaim(event.event_id, event.lease_token, writing.etag, writing.modified,
                            self._keep)),
        )

    def _read(self, stored: StoredObject) -> bytes:
        data = stored.read(self._max_bytes)
        if len(data) > self._max_bytes:
            raise self._too_large(stored.writing)
        return data

    def _too_large(self, writing: Writing | None = None) -> UploadRefused:
        return UploadRefused(
            "too_large", f"The object has more than {self._max_bytes} bytes.", writing)

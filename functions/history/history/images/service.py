"""Stored pictures as their owner may see them."""
from __future__ import annotations

import uuid

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.errors import Gone, NotFound
from common.storage import ObjectStore, StoredObject
from history.images.repository import Image, ImageReader


class ImageArchive:
    """Pictures and their bytes as they were sent; who looks at another user's leaves a line."""

    def __init__(self, reader: ImageReader, store: ObjectStore, trail: AuditTrail) -> None:
        self._reader = reader
        self._store = store
        self._trail = trail

    def find(self, caller: Principal, image_id: uuid.UUID, origin: Origin) -> Image:
        """What is known of a picture. Raises NotFound, and Gone for one that was erased."""
        owner = None if caller.is_admin else caller.user_id
        image = self._reader.find(image_id, owner)
        if image is not None:
            if image.user_id != caller.user_id:
                self._trail.write(
                    origin, "image.read", str(image_id), {"owner": str(image.user_id)})
            return image
        if self._reader.was_erased(image_id, owner):
            raise Gone("This image was erased.")
        raise NotFound("There is no such image.")

    def open(self, image: Image) -> StoredObject:
        """The picture's bytes. Raises NotFound if its object is gone, StoreUnavailable."""
        return self._store.get(image.object_key)

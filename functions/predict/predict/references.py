"""Pictures that are classified anew: named by their id, fetched from the object store."""
from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from common.auth import Principal
from common.errors import InvalidRequest, InvalidValue, NotFound, ObjectChanged, PayloadTooLarge
from common.fields import parse_uuid
from common.storage import ObjectStore
from predict.orders import MAX_TOP_K, owned
from predict.repository import PredictionRepository, StoredPicture


@dataclass(frozen=True)
class Reference:
    """Which picture is meant and with how many classes it is answered; of anybody's pictures if
    `owner` is None."""

    image_id: uuid.UUID
    owner: uuid.UUID | None
    top_k: int | None

    @property
    def content(self) -> bytes:
        """What stands for the picture where requests are compared; no picture looks like it."""
        return b"image " + self.image_id.bytes


def read_reference(body: Any, caller: Principal) -> Reference:
    """A reference in JSON: image_id, and if need be user_id and top_k.

    Without a user_id an administrator may name anybody's picture. Raises InvalidRequest,
    InvalidValue, and Forbidden for another's user_id.
    """
    if not isinstance(body, dict) or "image_id" not in body:
        raise InvalidRequest("Send a form with the field file, or a JSON object with image_id.")
    owner = None if caller.is_admin else caller.user_id
    if body.get("user_id") is not None:
        owner = owned(parse_uuid("user_id", body["user_id"]), caller)
    top_k = body.get("top_k")
    if top_k is not None and (type(top_k) is not int or not 1 <= top_k <= MAX_TOP_K):
        raise InvalidValue(f"top_k must be a whole number from 1 to {MAX_TOP_K}.")
    return Reference(parse_uuid("image_id", body["image_id"]), owner, top_k)


class StoredPictures:
    """Finds recorded pictures and fetches them."""

    def __init__(
        self, repository: PredictionRepository, store: ObjectStore, max_bytes: int
    ) -> None:
        self._repository = repository
        self._store = store
        self._max_bytes = max_bytes

    def fetch(self, reference: Reference) -> tuple[StoredPicture, bytes]:
        """A picture and its bytes.

        Raises NotFound if there is none, or it is another's, ObjectChanged if its object is not
        what was recorded, PayloadTooLarge, and Unavailable.
        """
        picture = self._repository.find_picture(reference.image_id, reference.owner)
        if picture is None:
            raise NotFound("There is no such image.")
        if picture.size_bytes > self._max_bytes:
            raise PayloadTooLarge(f"The image has more than {self._max_bytes} bytes.")
        data = self._read(picture)
        if picture.sha256 not in (None, hashlib.sha256(data).digest()):
            raise ObjectChanged("What is stored of the image is not what was sent.")
        return picture, data

    def _read(self, picture: StoredPicture) -> bytes:
        """The object's bytes; of one that is larger than it should be, only the beginning."""
        try:
            return self._store.get(picture.object_key).read(picture.size_bytes)
        except NotFound as error:
            raise NotFound("The image is not in the store any more.") from error

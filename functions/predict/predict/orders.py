"""What every request with pictures says beside them, and how an answer is told."""
from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g
from werkzeug.datastructures import FileStorage

from common.auth import Principal
from common.errors import Forbidden, InvalidRequest
from common.fields import clean_filename, parse_integer, parse_uuid
from common.web import deadline
from predict.idempotency.key import RequestKey
from predict.repository import StoredPicture
from predict.service import Classification, Submission

MAX_TOP_K = 100


@dataclass(frozen=True)
class Order:
    """Whose pictures these are, and with how many classes they are answered.

    `email` None leaves the address known of the owner; `top_k` None asks for one class.
    """

    user_id: uuid.UUID
    email: str | None
    top_k: int | None

    def submission(
        self, data: bytes, filename: str, key: RequestKey | None,
        picture: StoredPicture | None = None,
    ) -> Submission:
        """A picture of the current request; `filename` as its sender calls it."""
        return Submission(
            data=data,
            filename=clean_filename(filename),
            user_id=self.user_id,
            email=self.email,
            request_id=g.request_id,
            top_k=self.top_k or 1,
            picture=picture,
            deadline=deadline(),
            key=key,
            began=g.started,
        )

    def answer(self, given: Classification) -> dict[str, Any]:
        """What was asked for, as JSON."""
        body: dict[str, Any] = {
            "prediction_id": str(given.prediction_id),
            "image_id": str(given.image_id),
            "predicted_class": given.scores[0].label,
            "confidence_score": given.scores[0].confidence,
            "prediction_time_ms": given.prediction_time_ms,
        }
        if self.top_k is not None:
            body["top_k"] = [score.as_json() for score in given.scores[:self.top_k]]
        return body


def order_of(form: Mapping[str, str], caller: Principal) -> Order:
    """What the fields user_id and top_k of a form ask for.

    Raises InvalidRequest without an owner, Forbidden for another user's pictures, and
    InvalidValue.
    """
    sent = form.get("top_k")
    top_k = None if sent is None else parse_integer("top_k", sent, 1, MAX_TOP_K)
    if not form.get("user_id"):
        raise InvalidRequest("Send the picture's owner as the multipart field user_id.")
    user_id = owned(parse_uuid("user_id", form["user_id"]), caller)
    return Order(user_id, caller.email if user_id == caller.user_id else None, top_k)


def owned(user_id: uuid.UUID, caller: Principal) -> uuid.UUID:
    """A user in whose name the caller may act. Raises Forbidden."""
    if user_id != caller.user_id and not caller.is_admin:
        raise Forbidden("user_id must be your own.")
    return user_id


def content(file: FileStorage) -> bytes:
    """The bytes of an uploaded file, without a copy where they are in memory."""
    return file.stream.getvalue() if isinstance(file.stream, io.BytesIO) else file.read()

"""Whose predictions a query asks for."""
from __future__ import annotations

import uuid

from common.parameters import sent_uuid
from common.web import principal


def sent_user_id() -> uuid.UUID:
    """The parameter user_id, or the caller's id without one. Raises InvalidValue."""
    return sent_uuid("user_id") or principal().user_id

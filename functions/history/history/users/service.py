"""Users as they, and administrators, may see them."""
from __future__ import annotations

import uuid

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.errors import Gone, NotFound
from history.users.repository import User, UserReader


class Users:
    """What is stored of users; who looks at another one leaves a line."""

    def __init__(self, reader: UserReader, trail: AuditTrail) -> None:
        self._reader = reader
        self._trail = trail

    def find(self, caller: Principal, user_id: uuid.UUID, origin: Origin) -> User:
        """A user. Raises NotFound, also for another one unless the caller is an administrator,
        and Gone for one who was erased and has sent nothing since."""
        if user_id == caller.user_id or caller.is_admin:
            if (user := self._reader.find(user_id)) is not None:
                if user_id != caller.user_id:
                    self._trail.write(origin, "user.read", str(user_id))
                return user
            if self._reader.was_erased(user_id):
                raise Gone("What was stored of this user was erased.")
        raise NotFound("Nothing is stored of this user.")

"""Users as they, and administrators, may see them."""
from __future__ import annotations

import uuid

from common.auth import Principal
from common.errors import Gone, NotFound
from history.users.repository import User, UserReader


class Users:
    """What is stored of users."""

    def __init__(self, reader: UserReader) -> None:
        self._reader = reader

    def find(self, caller: Principal, user_id: uuid.UUID) -> User:
        """A user. Raises NotFound, also for another one unless the caller is an administrator,
        and Gone for one who was erased and has sent nothing since."""
        if user_id == caller.user_id or caller.is_admin:
            if (user := self._reader.find(user_id)) is not None:
                return user
            if self._reader.was_erased(user_id):
                raise Gone("What was stored of this user was erased.")
        raise NotFound("Nothing is stored of this user.")

"""What is stored of users, and erasing it."""
from __future__ import annotations

import uuid

from imgclass.api.base import segment
from imgclass.api.erasing import Erasing
from imgclass.results.users import User


class Users(Erasing):
    """What everybody may do with what is stored of them, and an administrator for others."""

    def me(self) -> User:
        """What is stored of whoever the token is of."""
        return self._get("/api/v1/users/me", User.from_document)

    def user(self, user_id: uuid.UUID | str) -> User:
        """What is stored of a user; of another one, it needs the role admin."""
        return self._get(f"/api/v1/users/{segment(user_id)}", User.from_document)

    def delete_me(self, timeout: float = 60.0) -> bool:
        """Erase everything: pictures, predictions, uploads, the address.

        Whether all of it is gone within `timeout` seconds; if not, the objects are removed as
        soon as the object store lets the service.
        """
        return self._erase("/api/v1/users/me", timeout)

    def delete_user(self, user_id: uuid.UUID | str, timeout: float = 60.0) -> bool:
        """Erase another user, as delete_me does; it needs the role admin."""
        return self._erase(f"/api/v1/users/{segment(user_id)}", timeout)

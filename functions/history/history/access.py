"""Who may look into a user's history."""
from __future__ import annotations

import uuid

from common.audit import AuditTrail, Origin
from common.auth import Principal
from common.errors import NotFound


def open_history(
    caller: Principal, user_id: uuid.UUID, trail: AuditTrail, origin: Origin
) -> None:
    """Let a caller see what is recorded of a user; who sees another's leaves a line.

    Raises NotFound unless it is the caller's own, or the caller is an administrator.
    """
    if user_id == caller.user_id:
        return
    if not caller.is_admin:
        raise NotFound("There is no history of this user.")
    trail.write(origin, "predictions.read", str(user_id))

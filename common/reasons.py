"""Why something failed, in words that are kept."""
from __future__ import annotations

from common.errors import ImgclassError

MAX_REASON_CHARACTERS = 500


def reason_of(error: Exception) -> str:
    """What an error says or, of one that nobody foresaw, which it is; as PostgreSQL takes it."""
    reason = str(error) if isinstance(error, ImgclassError) else f"Unexpected: {error!r}"
    return reason[:MAX_REASON_CHARACTERS].replace("\0", "?")

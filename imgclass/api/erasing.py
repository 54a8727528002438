"""Erasing: asked for, and asked again until nothing is left."""
from __future__ import annotations

from imgclass.api.base import Api
from imgclass.api.polling import looks

# The rows of somebody who has very many pictures take a while to go.
REQUEST_TIMEOUT_SECONDS = 300.0
PENDING = 202


class Erasing(Api):
    """A part of the client that erases."""

    def _erase(self, path: str, timeout: float) -> bool:
        """Whether everything is gone within `timeout` seconds; what is left goes later."""
        for _ in looks(timeout):
            response = self._transport.send(
                "DELETE", path, repeatable=True, timeout=REQUEST_TIMEOUT_SECONDS)
            if response.status_code != PENDING:
                return True
        return False

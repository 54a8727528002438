"""Models: registered, rolled out, compared, rolled back."""
from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

from imgclass.api.base import ANALYSIS_TIMEOUT_SECONDS, Api, opened, read_answer, segment
from imgclass.api.polling import looks
from imgclass.errors import StillValidating
from imgclass.parameters import query
from imgclass.results.comparisons import Comparison
from imgclass.results.models import Model
from imgclass.results.replicas import Replica

# The server reads, checks and stores up to a gigabyte before it answers.
UPLOAD_TIMEOUT_SECONDS = 600.0


class Models(Api):
    """What an administrator does with models."""

    def models(self) -> list[Model]:
        """Every registered model."""
        return self._get(
            "/api/v1/models", lambda body: [Model.from_document(each) for each in body["models"]])

    def model(self, version: str) -> Model:
        return self._get(f"/api/v1/models/{segment(version)}", Model.from_document)

    def register_model(self, archive: str | os.PathLike[str]) -> Model:
        """Upload a model's zip archive; the model comes back in state validating.

        An archive that is already registered comes back as it stands. Raises OSError when the
        file cannot be read.
        """
        with opened(archive) as upload:
            response = self._transport.send(
                "POST", "/api/v1/models", files={"archive": upload},
                timeout=UPLOAD_TIMEOUT_SECONDS)
        return read_answer(response, Model.from_document)

    def register_stored_model(self, object_key: str) -> Model:
        """As register_model, with an archive that lies in the models bucket under this key."""
        response = self._transport.send(
            "POST", "/api/v1/models", json={"object_key": object_key},
            timeout=UPLOAD_TIMEOUT_SECONDS)
        return read_answer(response, Model.from_document)

    def wait_for_model(
        self,
        version: str,
        timeout: float = 600.0,
        progress: Callable[[Model], None] = lambda model: None,
    ) -> Model:
        """Return the model once it is ready or rejected; `progress` hears of each look at it.

        Raises StillValidating after `timeout` seconds.
        """
        for _ in looks(timeout):
            model = self.model(version)
            progress(model)
            if model.state != "validating":
                return model
        raise StillValidating(f"{version} is still validating after {timeout:g} s")

    def activate_model(self, version: str) -> Model:
        """Make a ready model the one that answers."""
        return self._decide("POST", f"{segment(version)}/activate")

    def deactivate_model(self, version: str) -> Model:
        """Take a model out of every role."""
        return self._decide("POST", f"{segment(version)}/deactivate")

    def roll_back(self) -> Model:
        """Let the model answer again that did before the active one; it comes back."""
        return self._decide("POST", "rollback")

    def set_traffic(self, version: str, canary_percent: int, shadow: bool) -> Model:
        """Make a ready model the canary for 0 to 100 % of the users, the shadow, both or none."""
        return self._decide(
            "PUT", f"{segment(version)}/traffic",
            json={"canary_percent": canary_percent, "shadow": shadow})

    def delete_model(self, version: str) -> Model:
        """Remove the files of a model without a role; predictions still name it."""
        return self._decide("DELETE", segment(version))

    def replicas(self, version: str) -> list[Replica]:
        """The predict processes that serve a model."""
        return self._get(f"/api/v1/models/{segment(version)}/replicas", lambda body: [
            Replica.from_document(each) for each in body["replicas"]])

    def compare_models(
        self,
        old: str,
        new: str,
        basis: str = "all",
        since: datetime | None = None,
        until: datetime | None = None,
        changes: int = 50,
    ) -> Comparison:
        """What two versions answered; `basis` is shadow, canary, backfill or all.

        `since` is included and `until` is not; both need a time zone. At most `changes` changes
        of class, up to 50, are told.
        """
        asked = query(basis=basis, changes=changes, since=since, until=until)
        response = self._transport.send(
            "GET", f"/api/v1/models/{segment(old)}/comparison", params={"with": new, **asked},
            timeout=ANALYSIS_TIMEOUT_SECONDS)
        return read_answer(response, Comparison.from_document)

    def _decide(self, method: str, path: str, **content: Any) -> Model:
        response = self._transport.send(method, f"/api/v1/models/{path}", **content)
        return read_answer(response, Model.from_document)

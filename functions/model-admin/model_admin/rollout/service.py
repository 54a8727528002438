"""Rolling models out and back."""
from __future__ import annotations

import logging

from common.audit import Origin
from common.errors import Conflict, ImgclassError
from common.model_store import archive_key, labels_key, twin_key
from common.storage import ObjectStore
from model_admin.registry.service import ModelRegistry
from model_admin.rollout.repository import Row, RolloutRepository

log = logging.getLogger(__name__)


class ModelRollout:
    """What an administrator decides about registered versions.

    Every method raises NotFound for an unknown version and Conflict, with the reason, for one
    whose state does not allow it.
    """

    def __init__(
        self, repository: RolloutRepository, registry: ModelRegistry, store: ObjectStore
    ) -> None:
        self._repository = repository
        self._registry = registry
        self._store = store

    def activate(self, version: str, origin: Origin) -> Row:
        """Let a version answer from now on."""
        self._registry.find(version)
        if not self._repository.activate(version, origin):
            raise self._refusal(version, "only a ready one can be active")
        log.info("model activated", extra={"model_version": version})
        return self._registry.find(version)

    def deactivate(self, version: str, origin: Origin) -> Row:
        """Let a version answer nobody."""
        row = self._registry.find(version)
        if not self._repository.deactivate(version, origin):
            return row  # it has no role to lose
        log.info("model deactivated", extra={"model_version": version})
        return self._registry.find(version)

    def rollback(self, origin: Origin) -> Row:
        """Let the last good version answer again."""
        version = self._repository.rollback(origin)
        if version is None:
            raise Conflict("No version was active before this one: there is nothing to return to.")
        log.info("model rolled back", extra={"model_version": version})
        return self._registry.find(version)

    def set_traffic(
        self, version: str, canary_percent: int, shadow: bool, origin: Origin
    ) -> Row:
        """Let a version answer `canary_percent` of the users and, as shadow, watch the rest."""
        self._registry.find(version)
        if not self._repository.set_traffic(version, canary_percent, shadow, origin):
            raise self._refusal(version, "only a ready one that is not active can take traffic")
        return self._registry.find(version)

    def delete(self, version: str, origin: Origin) -> Row:
        """Remove a version's files and keep its row, which predictions name."""
        self._registry.find(version)
        path = self._repository.retire(version, origin)
        if path is None:
            raise self._refusal(
                version, "one that answers, or the last good one, cannot be deleted")
        for key in (archive_key(path), twin_key(path), labels_key(path)):
            try:
                self._store.delete(key)
            except ImgclassError as error:
                log.error("a deleted model's file is left behind", exc_info=error,
                          extra={"key": key})
        return self._registry.find(version)

    def replicas(self, version: str) -> list[Row]:
        """The predict processes that serve a version, each with all that it serves."""
        self._registry.find(version)
        return [
            replica for replica in self._repository.replicas()
            if any(model["version"] == version for model in replica["serving"].values())]

    def _refusal(self, version: str, rule: str) -> Conflict:
        row = self._registry.find(version)
        golden = (row["report"] or {}).get("golden", {})
        if row["state"] == "ready" and golden.get("passed") is False:
            missed = [one["file"] for one in golden["pictures"] if not one["passed"]]
            return Conflict(f"Model version {version} misses its golden pictures: {missed}.")
        role = "active" if row["is_active"] else row["state"]
        return Conflict(f"Model version {version} is {role}; {rule}.")

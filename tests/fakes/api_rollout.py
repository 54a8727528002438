"""The rollout of the service in memory."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import abort

Model = dict[str, Any]


@dataclass
class FakeRollout:
    """Decides about `models`; `reigns` are the versions that were active, the last one last.

    `replicas` are what the predict processes have reported, and `bodies` what PUT was sent.
    """

    models: dict[str, Model]
    reigns: list[str] = field(default_factory=list)
    replicas: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def activate(self, version: str) -> Model:
        model = self._ready(version)
        for each in self.models.values():
            each["is_active"] = each is model
        model.update(canary_percent=0, shadow=False)
        if version not in self.reigns[-1:]:
            self.reigns.append(version)
        return model

    def deactivate(self, version: str) -> Model:
        model = self._find(version)
        model.update(is_active=False, canary_percent=0, shadow=False)
        return model

    def roll_back(self) -> Model:
        if len(self.reigns) < 2:
            abort(409, "There is nothing to return to.")
        self.reigns.pop()
        return self.activate(self.reigns[-1])

    def set_traffic(self, version: str, body: dict[str, Any]) -> Model:
        self.bodies.append(body)
        model = self._ready(version)
        if model["is_active"]:
            abort(409, f"Model {version} is active.")
        model.update(canary_percent=body["canary_percent"], shadow=body["shadow"])
        return model

    def delete(self, version: str) -> Model:
        model = self._find(version)
        if model["is_active"] or version in self.reigns[-2:-1]:
            abort(409, f"Model {version} answers, or is the last good one.")
        model["state"] = "deleted"
        return model

    def serving(self, version: str) -> list[dict[str, Any]]:
        self._find(version)
        return [each for each in self.replicas
                if any(model["version"] == version for model in each["serving"].values())]

    def _find(self, version: str) -> Model:
        return self.models.get(version) or abort(404, f"There is no model {version}.")

    def _ready(self, version: str) -> Model:
        model = self._find(version)
        if model["state"] != "ready":
            abort(409, f"Model {version} is {model['state']}, not ready.")
        return model


def rollout_routes(rollout: FakeRollout) -> Blueprint:
    """What decides about models, below /api/v1/models."""
    routes = Blueprint("rollout", __name__, url_prefix="/api/v1/models")

    @routes.post("/<version>/activate")
    def activate(version: str) -> Model:
        return rollout.activate(version)

    @routes.post("/<version>/deactivate")
    def deactivate(version: str) -> Model:
        return rollout.deactivate(version)

    @routes.post("/rollback")
    def roll_back() -> Model:
        return rollout.roll_back()

    @routes.put("/<version>/traffic")
    def set_traffic(version: str) -> Model:
        return rollout.set_traffic(version, request.get_json())

    @routes.delete("/<version>")
    def delete(version: str) -> Model:
        return rollout.delete(version)

    @routes.get("/<version>/replicas")
    def replicas(version: str) -> dict[str, Any]:
        return {"replicas": rollout.serving(version)}

    return routes

"""The registry with everything around it in memory."""
from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from model_admin.app import FRAMING_BYTES
from model_admin.registry.routes import create_routes
from model_admin.registry.service import ModelRegistry
from tests import tokens
from tests.environments import settings
from tests.fakes.registry import InMemoryVersionRepository
from tests.fakes.storage import InMemoryObjectStore

MAX_BYTES = 100_000


@dataclass
class House:
    """The registry's routes and what they keep; `woken` counts calls to the validation."""

    versions: InMemoryVersionRepository = field(default_factory=InMemoryVersionRepository)
    store: InMemoryObjectStore = field(default_factory=InMemoryObjectStore)
    admin: uuid.UUID = field(default_factory=uuid.uuid4)
    woken: int = 0

    def __post_init__(self) -> None:
        registry = ModelRegistry(self.versions, self.store, self._wake, MAX_BYTES)
        app = create_web_app(
            "model-admin", Authenticator(settings()), {}, MAX_BYTES + FRAMING_BYTES,
            CollectorRegistry())
        app.register_blueprint(create_routes(registry))
        self.app: Flask = app

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        """What an administrator is answered."""
        headers = tokens.bearer(self.admin, roles=["admin"])
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def get(self, path: str) -> TestResponse:
        return self.ask("GET", path)

    def register(self, archive: bytes, name: str = "model.zip") -> TestResponse:
        """Send an archive as the form does."""
        return self.ask("POST", "/api/v1/models", data={"archive": (io.BytesIO(archive), name)})

    def objects(self) -> dict[str, bytes]:
        """The bucket's content by key."""
        return {key: data for key, (data, _) in self.store.objects.items()}

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def registered(house: House) -> Callable[[bytes], dict[str, Any]]:
    """Register an archive; its row as it is answered."""
    def register(archive: bytes) -> dict[str, Any]:
        answer = house.register(archive)
        assert answer.status_code == 202, answer.text
        row: dict[str, Any] = answer.json
        return row
    return register

"""Data sets with everything around them in memory."""
from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from werkzeug.test import TestResponse

from common.auth import Authenticator
from common.web import create_web_app
from model_admin.datasets.repository import LabelledPicture
from model_admin.datasets.routes import create_routes
from model_admin.datasets.service import Datasets
from tests import tokens
from tests.environments import settings
from tests.fakes.audit import InMemoryTrail
from tests.fakes.datasets import InMemoryLabelledPictures, labelled
from tests.fakes.storage import InMemoryObjectStore


@dataclass
class House:
    """The route of data sets, and what it reads from."""

    pictures: InMemoryLabelledPictures = field(default_factory=InMemoryLabelledPictures)
    store: InMemoryObjectStore = field(default_factory=InMemoryObjectStore)
    trail: InMemoryTrail = field(default_factory=InMemoryTrail)

    def __post_init__(self) -> None:
        self.app = create_web_app(
            "model-admin", Authenticator(settings()), {}, 1000, CollectorRegistry())
        self.app.register_blueprint(create_routes(
            Datasets(self.pictures, self.store, self.trail)))

    def add(self, data: bytes, label: str = "cup", **changes: Any) -> LabelledPicture:
        """A labelled picture, and its object."""
        picture = labelled(data, label, **changes)
        self.pictures.add(picture)
        self.store.put(picture.object_key, data, picture.content_type)
        return picture

    def get(self, roles: tuple[str, ...] = ("admin",), **query: object) -> TestResponse:
        """What an administrator is answered, or somebody with other roles."""
        return self.app.test_client().get(
            "/api/v1/datasets/export", query_string={
                {"since": "from"}.get(name, name): str(value) for name, value in query.items()},
            headers=tokens.bearer(uuid.uuid4(), roles=[*roles]))


@pytest.fixture
def house() -> House:
    return House()

"""Tiny models, built once, and where model-admin keeps what it knows of them."""
from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.config import Settings
from common.inference.manifest import Manifest
from common.s3_client import s3_client
from tests.databases import temporary_database

Build = Callable[..., Path]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The folder of a model of some kind, built when first asked for; nobody changes it."""
    from tests import models

    folders: dict[str, Path] = {}

    def build(kind: str, **changes: Any) -> Path:
        key = kind + json.dumps(changes, sort_keys=True)
        if key not in folders:
            folders[key] = models.build(kind, tmp_path_factory.mktemp("model"), **changes)
        return folders[key]

    return build


def manifest_of(folder: Path) -> Manifest:
    """The manifest of a model's folder."""
    return Manifest.from_json(json.loads((folder / "manifest.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def module_settings(servers: Settings, template: str) -> Iterator[Settings]:
    """A database for all tests of a module."""
    with temporary_database(servers, template) as own:
        yield own


@pytest.fixture(scope="session")
def models_bucket(servers: Settings) -> str:
    """A bucket for models."""
    name = f"models-{uuid.uuid4()}"
    s3_client(servers, connections=1).create_bucket(Bucket=name)
    return name

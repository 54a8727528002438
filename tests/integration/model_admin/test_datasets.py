"""Labelled pictures found by a real database."""
from __future__ import annotations

import uuid
from datetime import datetime

import pytest

from common.config import Settings
from common.db import Database
from model_admin.datasets.repository import (
    Choice, LabelledPicture, PostgresLabelledPictures)
from tests.contracts.datasets import AddLabelled, LabelledPicturesContract
from tests.databases import add_model, query
from tests.fakes.datasets import NOON, labelled

OWNER = str(uuid.uuid4())


class TestPostgresLabelledPictures(LabelledPicturesContract):
    """The real adapter."""

    @pytest.fixture
    def database_settings(self, module_settings: Settings) -> Settings:
        """The module's database with two versions and no pictures."""
        for table in ("predictions", "images", "users", "model_versions"):
            query(module_settings, f"DELETE FROM {table}")
        query(module_settings, "INSERT INTO users VALUES (%s, 'ada@example.org')", OWNER)
        for version in ("v1", "v2"):
            add_model(module_settings, version)
        return module_settings

    @pytest.fixture
    def pictures(self, database: Database) -> PostgresLabelledPictures:
        return PostgresLabelledPictures(database)

    @pytest.fixture
    def add(self, database_settings: Settings) -> AddLabelled:
        def add(picture: LabelledPicture, answered_at: datetime) -> None:
            query(database_settings, """
                INSERT INTO images (image_id, user_id, filename, object_key, content_type,
                    size_bytes, sha256, width, height)
                VALUES (%s, %s, 'cup.jpg', %s, %s, %s, %s, %s, %s)""", picture.image_id, OWNER,
                  picture.object_key, picture.content_type, picture.size_bytes,
                  bytes.fromhex(picture.sha256), picture.width, picture.height)
            prediction_id = str(uuid.uuid4())
            query(database_settings, """
                INSERT INTO predictions (prediction_id, image_id, user_id, model_version,
                    predicted_class, confidence_score, prediction_time_ms, created_at)
                VALUES (%s, %s, %s, %s, %s, %s, 1, %s)""", prediction_id, picture.image_id, OWNER,
                  picture.model_version, picture.predicted_class, picture.confidence_score,
                  answered_at)
            query(database_settings, """
                INSERT INTO feedback (prediction_id, label, updated_at)
                VALUES (%s, %s, %s)""", prediction_id, picture.label, picture.labelled_at)
        return add

    def test_without_a_digest(
        self, pictures: PostgresLabelledPictures, add: AddLabelled, database_settings: Settings,
    ) -> None:
        """A picture whose bytes nobody noted is left out: it could be on both sides."""
        add(labelled(b"one"), NOON)
        query(database_settings, "UPDATE images SET sha256 = NULL")
        assert [*pictures.all(Choice())] == []

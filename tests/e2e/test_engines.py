"""The two engines on the sample pictures, with the default model as the stack serves it."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from common.config import Settings
from common.db import Database
from common.inference.engine import probabilities
from common.inference.files import ModelFiles
from common.inference.imaging import open_picture
from common.inference.model import Model, ModelLoader, ModelRow
from common.s3 import S3ObjectStore
from common.s3_client import s3_client
from imgclass.embedded.stack import Stack
from tests.e2e.access import settings_of
from tests.models import THREADS

PICTURES = sorted((Path(__file__).parents[2] / "examples/pictures").glob("*.jpg"))


@pytest.fixture(scope="module")
def engines(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """The active model on LiteRT and on TensorFlow."""
    settings = settings_of(stack)
    row = _active(settings)
    store = S3ObjectStore(s3_client(settings, 1), settings.models_bucket_name)
    files = ModelFiles(store, tmp_path_factory.mktemp("models"))
    litert, tensorflow = (
        ModelLoader(files, engine, THREADS).load(row) for engine in ("litert", "tensorflow"))
    return litert, tensorflow


def _active(settings: Settings) -> ModelRow:
    database = Database(settings, size=1)
    try:
        with database.transaction() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT version, model_path, digest, twin_digest, manifest "
                           "FROM model_versions WHERE is_active")
            return ModelRow(**cursor.fetchone())
    finally:
        database.close()


def _answer(model: Model, picture: Path) -> NDArray[np.float32]:
    pixels = model.preprocess(open_picture(picture.read_bytes(), 10**7))
    return probabilities(model.engine.predict(pixels), model.manifest)[0]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_engines_agree(engines: tuple[Model, Model], picture: Path) -> None:
    """Both give the same class, and no probability differs by more than 1e-4."""
    litert, tensorflow = (_answer(model, picture) for model in engines)
    assert litert.argmax() == tensorflow.argmax()
    assert np.abs(litert - tensorflow).max() <= 1e-4


def test_engines_are_what_they_say(engines: tuple[Model, Model]) -> None:
    """One is LiteRT, the other TensorFlow."""
    assert [model.engine.name for model in engines] == ["litert", "tensorflow"]

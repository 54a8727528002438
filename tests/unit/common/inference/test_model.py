"""Models and how they are loaded, as far as no engine is needed."""
from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from common.errors import BrokenPicture, ModelUnavailable, NotFound
from common.inference.engine import Score
from common.inference.files import ModelFiles
from common.inference.imaging import open_picture
from common.inference.model import ModelLoader, ModelRow
from common.model_store import labels_key
from tests import pictures
from tests.fakes.models import FakeEngine, fake_model
from tests.fakes.storage import InMemoryObjectStore
from tests.manifests import document, manifest


def test_classify() -> None:
    """A model names the best classes of a picture it has prepared itself."""
    engine = FakeEngine()
    model = fake_model(engine)
    pixels = model.preprocess(open_picture(pictures.png(), 1_000_000))
    scores = model.classify(pixels, 2)
    assert [score.label for score in scores] == ["dark", "bright"]
    (seen,) = engine.calls
    assert seen.shape == (1, 224, 224, 3)


def test_classify_logits() -> None:
    """The scores of a model that answers logits are probabilities."""
    model = fake_model(manifest=manifest(output={"kind": "logits"}))
    scores = model.classify(np.zeros((1, 224, 224, 3), np.float32), 3)
    assert sum(score.confidence for score in scores) == pytest.approx(1)
    assert isinstance(scores[0], Score)


def test_broken_picture() -> None:
    """A picture that cannot be decoded never reaches the engine."""
    data = pictures.png()
    with pytest.raises(BrokenPicture):
        fake_model().preprocess(open_picture(data[:len(data) // 2], 1_000_000))


@pytest.mark.parametrize(("engine", "twin"), [("litert", "b" * 64), ("tensorflow", None)])
def test_lineage(engine: str, twin: str | None) -> None:
    """A prediction names its model; the twin only if it was the twin that answered."""
    assert fake_model(FakeEngine(engine)).lineage() == {
        "model_version": "v1", "engine": engine, "model_digest": "a" * 64, "twin_digest": twin,
        "preprocessing_digest": manifest().preprocessing_digest}


def test_twin_demanded_and_missing(tmp_path: Path) -> None:
    """ENGINE=litert and a model without a twin: the error says what to do."""
    store = InMemoryObjectStore()
    store.put(labels_key("v1/a"), b"cat\n", "text/plain")
    labels = hashlib.sha256(b"cat\n").hexdigest()
    row = ModelRow("v1", "v1/a", "a" * 64, None, document(files={"labels.txt": labels}))
    with pytest.raises(ModelUnavailable, match="ENGINE=auto"):
        ModelLoader(ModelFiles(store, tmp_path), "litert", threads=1).load(row)


def test_labels_missing(tmp_path: Path) -> None:
    """A model whose files are not in the store cannot be loaded."""
    row = ModelRow("v1", "v1/a", "a" * 64, "b" * 64, document())
    with pytest.raises(NotFound, match="labels.txt"):
        ModelLoader(ModelFiles(InMemoryObjectStore(), tmp_path), "auto", threads=1).load(row)

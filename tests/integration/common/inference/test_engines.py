"""Both engines on a tiny real model: they say what the model says, and the same."""
from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from common.deadlines import Deadline
from common.errors import DeadlineExceeded, StoreUnavailable
from common.inference.engine import Engine
from common.inference.files import ModelFiles
from common.inference.imaging import open_picture
from common.inference.litert import LiteRtEngine
from common.inference.model import ModelLoader, ModelRow
from common.model_store import archive_key, labels_key, twin_key
from tests import pictures
from tests.fakes.storage import InMemoryObjectStore

if TYPE_CHECKING:  # it imports tensorflow, which need not be there to collect tests
    from tests.tiny_model import TinyModel

PATH = "v1/digest"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    from tests.tiny_model import TinyModel

    return TinyModel(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module", params=["litert", "tensorflow"])
def engine(request: pytest.FixtureRequest, tiny: TinyModel) -> Engine:
    if request.param == "litert":
        return LiteRtEngine(tiny.twin, threads=2)
    from common.inference.tensorflow import TensorFlowEngine

    return TensorFlowEngine.load(tiny.folder / "saved_model", tiny.manifest)


def some_pixels(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_answers(engine: Engine, tiny: TinyModel, count: int) -> None:
    """An engine answers what the model's mathematics say, picture by picture."""
    pixels = some_pixels(count)
    answers = engine.predict(pixels)
    assert (answers.shape, answers.dtype) == ((count, 3), np.float32)
    assert np.abs(answers - tiny.answer(pixels)).max() < 1e-5


def test_answers_do_not_change_later(engine: Engine) -> None:
    """An answer is the caller's own: the next prediction does not write over it."""
    first = engine.predict(some_pixels(1, seed=1))
    copy = first.copy()
    engine.predict(some_pixels(1, seed=2))
    assert np.array_equal(first, copy)


def test_wait_for_an_interpreter(tiny: TinyModel) -> None:
    """Where all interpreters are busy nobody waits beyond a deadline, and none gets lost."""
    engine = LiteRtEngine(tiny.twin, threads=1)
    interpreter = engine._idle.get()
    with pytest.raises(DeadlineExceeded):
        engine.predict(some_pixels(1), Deadline(time.monotonic() + 0.01))
    engine._idle.put(interpreter)
    for _ in range(2):
        assert len(engine.predict(some_pixels(1), Deadline(time.monotonic() + 100))) == 1


def test_threads_do_not_mix(engine: Engine, tiny: TinyModel) -> None:
    """Many threads share an engine, and each gets its own answer."""
    def agrees(seed: int) -> bool:
        pixels = some_pixels(2, seed)
        return bool(np.abs(engine.predict(pixels) - tiny.answer(pixels)).max() < 1e-5)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(agrees, range(200)))


def test_engine_survives_a_bad_call(engine: Engine, tiny: TinyModel) -> None:
    """Pixels of a wrong shape fail, and cost the engine nothing."""
    for _ in range(5):
        with pytest.raises(Exception):  # each runtime has errors of its own
            engine.predict(np.zeros((1, 5, 5, 3), np.float32))
    assert np.abs(engine.predict(some_pixels(1)) - tiny.answer(some_pixels(1))).max() < 1e-5


@pytest.fixture
def store(tiny: TinyModel) -> InMemoryObjectStore:
    """The models bucket with the tiny model in it."""
    made = InMemoryObjectStore()
    tiny.put_into(made, PATH)
    return made


@pytest.fixture
def row(tiny: TinyModel, store: InMemoryObjectStore) -> Callable[..., ModelRow]:
    """Makes the row of the tiny model, with or without its twin."""
    def make(twin: bool = True, policy: str = "auto") -> ModelRow:
        def digest(key: str) -> str:
            return hashlib.sha256(store.objects[key][0]).hexdigest()

        return ModelRow("v1", PATH, digest(archive_key(PATH)),
                        digest(twin_key(PATH)) if twin else None,
                        {**tiny.document, "engine": policy})
    return make


def loader(store: InMemoryObjectStore, cache: Path, setting: str, name: str) -> ModelLoader:
    """A loader that leaves TensorFlow's threads as they are: they cannot change in a process."""
    import tensorflow as tf

    present = tf.config.threading.get_intra_op_parallelism_threads()
    return ModelLoader(ModelFiles(store, cache), setting, 1 if name == "litert" else present)


@pytest.mark.parametrize(("setting", "policy", "twin", "name"), [
    ("auto", "auto", True, "litert"), ("auto", "auto", False, "tensorflow"),
    ("litert", "auto", True, "litert"), ("tensorflow", "auto", True, "tensorflow"),
    ("tensorflow", "auto", False, "tensorflow"), ("auto", "tensorflow", True, "tensorflow"),
    ("litert", "tensorflow", True, "litert"),
])
def test_choice_of_the_engine(
    tmp_path: Path, store: InMemoryObjectStore, row: Callable[..., ModelRow], setting: str,
    policy: str, twin: bool, name: str,
) -> None:
    """ENGINE decides; auto follows the manifest, and takes the twin if there is one."""
    model = loader(store, tmp_path, setting, name).load(row(twin, policy))
    assert model.engine.name == name
    assert model.labels == ["cat", "dog", "espresso"]


def test_engines_agree(
    tmp_path: Path, store: InMemoryObjectStore, row: Callable[..., ModelRow],
) -> None:
    """The same picture gets the same class and nearly the same probability from both."""
    answers = []
    for name in ("litert", "tensorflow"):
        model = loader(store, tmp_path, name, name).load(row())
        pixels = model.preprocess(open_picture(pictures.jpeg(), 1_000_000))
        answers.append(model.classify(pixels, 3))
    for one, other in zip(*answers):
        assert (one.index, one.label) == (other.index, other.label)
        assert abs(one.confidence - other.confidence) <= 1e-4


@pytest.mark.parametrize("key", [twin_key(PATH), labels_key(PATH)])
def test_tampered_file(
    tmp_path: Path, store: InMemoryObjectStore, row: Callable[..., ModelRow], key: str,
) -> None:
    """A model of which one file is not what was validated is not loaded."""
    registered = row()
    store.put(key, store.objects[key][0] + b"\n", "application/octet-stream")
    with pytest.raises(StoreUnavailable, match="does not have the digest"):
        ModelLoader(ModelFiles(store, tmp_path), "auto", threads=1).load(registered)

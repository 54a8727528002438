"""What a replay finds: the same answer, another one, or evidence that is not what it was."""
from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from common.audit import Origin
from common.auth import Principal
from common.errors import Unavailable
from common.inference.imaging import open_picture
from common.model_store import archive_key, labels_key, twin_key
from model_admin.replay.repository import RecordedPrediction
from model_admin.replay.service import AT_ONCE, Replay
from tests import pictures
from tests.fakes.models import FakeEngine
from tests.fakes.replays import ARCHIVE, PICTURE, TWIN, Archive, BatchSensitiveEngine, sha256


@pytest.fixture
def archive() -> Archive:
    return Archive()


def replay(archive: Archive, recorded: RecordedPrediction) -> Replay:
    owner = Principal(archive.owner, "ada@example.org", frozenset())
    return archive.service().replay(owner, recorded.prediction_id, Origin(archive.owner))


def ran(engine: FakeEngine) -> bool:
    """Was there another run after the one that was recorded?"""
    return len(engine.calls) > 1


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_same(archive: Archive, classes: int) -> None:
    """The picture, classified again, gives as many classes as recorded, bit for bit."""
    recorded = archive.classify(classes=classes)
    assert replay(archive, recorded) == Replay(
        prediction_id=recorded.prediction_id, same=True, picture_intact=True, model_intact=True,
        recorded=recorded.answer, replayed=recorded.answer, max_abs_difference=0.0, findings=[])
    assert ran(archive.versions.engines["litert"])


def test_last_bit(archive: Archive) -> None:
    """A confidence that differs by its last bit is another answer."""
    honest = archive.classify().answer
    other = float(np.nextafter(np.float32(honest.confidence_score), np.float32(1)))
    recorded = archive.classify(
        confidence_score=other, top_k=[{**honest.top_k[0], "confidence": other}, honest.top_k[1]])
    found = replay(archive, recorded)
    assert found.replayed == honest
    assert (found.same, found.picture_intact, found.model_intact) == (False, True, True)
    assert found.max_abs_difference == pytest.approx(2 ** -25)
    assert found.findings == []


@pytest.mark.parametrize("change", [
    {"predicted_class": "bright"}, {"confidence_score": 0.25},
    {"top_k": [{"class": "bright", "index": 0, "confidence": 0.4406595826148987}]}], ids=str)
def test_other_answer(archive: Archive, change: dict[str, Any]) -> None:
    """Whatever part of the answer differs, it is not the same one."""
    assert replay(archive, archive.classify(**change)).same is False


def test_greatest_difference(archive: Archive) -> None:
    """Of several recorded confidences, the one that is furthest off counts, by class."""
    top_k = archive.classify(classes=3).answer.top_k
    changed = [top_k[2], {**top_k[0], "confidence": top_k[0]["confidence"] - 0.125}]
    recorded = archive.classify(top_k=changed, confidence_score=top_k[2]["confidence"])
    assert replay(archive, recorded).max_abs_difference == 0.125
    recorded = archive.classify(confidence_score=top_k[0]["confidence"] + 0.25)
    assert replay(archive, recorded).max_abs_difference == 0.25


def test_swapped_picture(archive: Archive) -> None:
    """Another picture under the same key is noticed, and not run."""
    recorded = archive.classify()
    other = pictures.png(61, 40)
    archive.pictures.put(recorded.object_key, other, "image/png")
    found = replay(archive, recorded)
    assert (found.same, found.picture_intact, found.model_intact) == (False, False, True)
    assert (found.replayed, found.max_abs_difference) == (None, None)
    assert found.findings == [
        f"The object {recorded.object_key} has the SHA-256 {sha256(other)}, "
        f"not {sha256(PICTURE)}."]
    assert not ran(archive.versions.engines["litert"])


def test_missing_picture(archive: Archive) -> None:
    """A picture that is gone is told, and the model is looked at all the same."""
    recorded = archive.classify()
    archive.pictures.delete(recorded.object_key)
    found = replay(archive, recorded)
    assert (found.same, found.picture_intact, found.model_intact) == (False, False, True)
    assert found.findings == [f"There is no object {recorded.object_key}."]


def test_picture_that_cannot_be_decoded(archive: Archive) -> None:
    """A picture that is intact, but no longer decodes, is told with the decoder's reason."""
    answer = archive.classify().answer
    broken = PICTURE[:len(PICTURE) // 2]
    recorded = archive.record(broken, **{
        **vars(answer), "image_sha256": sha256(broken)})
    archive.pictures.put(recorded.object_key, broken, "image/png")
    found = replay(archive, recorded)
    assert (found.same, found.picture_intact, found.replayed) == (False, True, None)
    assert found.findings == ["The picture's pixels cannot be decoded."]


@pytest.mark.parametrize(("engine", "key"), [
    ("litert", twin_key), ("litert", labels_key),
    ("tensorflow", archive_key), ("tensorflow", labels_key)])
@pytest.mark.parametrize("swapped", [True, False])
def test_swapped_file(
    archive: Archive, engine: str, key: Callable[[str], str], swapped: bool,
) -> None:
    """A file of the model that was replaced or is gone is noticed, and nothing is run."""
    archive.versions.engines[engine] = FakeEngine(engine)
    recorded = archive.classify(engine=engine)
    name = key("v1/folder")
    if swapped:
        archive.models.put(name, b"something else", "application/octet-stream")
        expected = f"The object {name} has the SHA-256 {sha256(b'something else')}, not "
    else:
        archive.models.delete(name)
        expected = f"There is no object {name}."
    found = replay(archive, recorded)
    assert (found.same, found.picture_intact, found.model_intact) == (False, True, False)
    assert found.replayed is None
    (finding,) = found.findings
    assert finding.startswith(expected)
    assert not ran(archive.versions.engines[engine])


@pytest.mark.parametrize(("engine", "key"), [("litert", archive_key), ("tensorflow", twin_key)])
def test_file_of_the_other_engine(
    archive: Archive, engine: str, key: Callable[[str], str],
) -> None:
    """The file that the other engine runs has nothing to do with the answer."""
    archive.versions.engines[engine] = FakeEngine(engine)
    recorded = archive.classify(engine=engine)
    archive.models.delete(key("v1/folder"))
    assert replay(archive, recorded).same is True


@pytest.mark.parametrize(("name", "words"), [
    ("model_digest", f"model digest of v1 is {sha256(ARCHIVE)}"),
    ("twin_digest", f"twin digest of v1 is {sha256(TWIN)}"),
    ("preprocessing_digest", "preprocessing digest of v1 is ")])
def test_other_lineage(archive: Archive, name: str, words: str) -> None:
    """A model that is not the recorded one is run, and told apart though it says the same."""
    zeros: dict[str, Any] = {name: "0" * 64}
    recorded = archive.classify(**zeros)
    found = replay(archive, recorded)
    assert (found.same, found.picture_intact, found.model_intact) == (False, True, False)
    assert found.replayed is not None and getattr(found.replayed, name) != "0" * 64
    assert replace(found.replayed, **zeros) == recorded.answer
    assert found.max_abs_difference == 0.0
    (finding,) = found.findings
    assert finding.startswith(f"The {words}") and finding.endswith(f", not {'0' * 64}.")


def test_twin_that_is_no_longer_registered(archive: Archive) -> None:
    """An answer of a twin is not replayed by a model that has none any more."""
    recorded = archive.classify()
    archive.versions.rows["v1"] = replace(archive.versions.rows["v1"], twin_digest=None)
    found = replay(archive, recorded)
    assert (found.same, found.model_intact, found.replayed) == (False, False, None)
    assert f"The twin digest of v1 is None, not {sha256(TWIN)}." in found.findings


def test_tensorflow_in_a_batch(archive: Archive) -> None:
    """An answer given in a batch is the same though one picture alone gives other last bits."""
    engine = BatchSensitiveEngine()
    archive.versions.engines["tensorflow"] = engine
    alone = archive.classify(engine="tensorflow")
    model = archive.versions.get("v1", "tensorflow")
    pixels = model.preprocess(open_picture(PICTURE, 1_000_000))
    top_k = [score.as_json() for score in model.classify(np.concatenate([pixels] * 3), 2)]
    in_batch = archive.classify(
        engine="tensorflow", confidence_score=top_k[0]["confidence"], top_k=top_k)
    assert in_batch.answer != alone.answer
    found = replay(archive, in_batch)
    assert (found.same, found.max_abs_difference) == (True, 0.0)
    assert replay(archive, alone).same is True


def test_tensorflow_without_batches(archive: Archive) -> None:
    """A model that takes single pictures only is not asked for more than it refuses."""
    archive.versions.engines["tensorflow"] = BatchSensitiveEngine(most=1)
    recorded = archive.classify(engine="tensorflow", confidence_score=0.25)
    found = replay(archive, recorded)
    assert (found.same, found.findings) == (False, [])
    assert found.replayed is not None


def test_too_many_at_once(archive: Archive) -> None:
    """While some replays run, another one is refused for the moment, and later served."""
    recorded = archive.classify()
    service, owner = archive.service(), Principal(archive.owner, "", frozenset())
    running, finish = threading.Barrier(AT_ONCE + 1), threading.Event()

    def wait() -> None:
        running.wait(10)
        assert finish.wait(10)

    archive.versions.engines["litert"].before = wait
    with ThreadPoolExecutor(AT_ONCE) as threads:
        others = [threads.submit(service.replay, owner, recorded.prediction_id, Origin())
                  for _ in range(AT_ONCE)]
        running.wait(10)
        try:
            with pytest.raises(Unavailable, match="try again shortly"):
                service.replay(owner, recorded.prediction_id, Origin())
        finally:
            finish.set()
        assert [other.result(10).same for other in others] == [True] * AT_ONCE
    archive.versions.engines["litert"].before = lambda: None
    assert service.replay(owner, recorded.prediction_id, Origin()).same is True


def test_place_after_a_failure(archive: Archive) -> None:
    """A replay that fails gives its place back."""
    recorded = archive.classify()
    service, owner = archive.service(), Principal(archive.owner, "", frozenset())
    archive.pictures.down = True
    for _ in range(AT_ONCE + 1):
        with pytest.raises(Unavailable, match="object store"):
            service.replay(owner, recorded.prediction_id, Origin())
    archive.pictures.down = False
    assert service.replay(owner, recorded.prediction_id, Origin()).same is True


def test_unknown_prediction(archive: Archive) -> None:
    """An administrator may see everything, but not what is not there."""
    admin = Principal(uuid.uuid4(), "", frozenset({"admin"}))
    recorded = archive.classify()
    assert archive.service().replay(admin, recorded.prediction_id, Origin()).same is True
    with pytest.raises(Exception, match="no such prediction"):
        archive.service().replay(admin, uuid.uuid4(), Origin())

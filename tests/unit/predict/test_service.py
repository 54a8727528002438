"""Classifying one picture: everything is recorded, or nothing is left behind."""
from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest
from PIL import Image
from prometheus_client import CollectorRegistry

from common.deadlines import Deadline
from common.errors import (
    BrokenPicture, CommitUnknown, DatabaseUnavailable, DeadlineExceeded, ModelUnavailable,
    PayloadTooLarge, StoreUnavailable, UnsupportedMedia)
from predict.models import Lineup
from predict.service import ClassificationService, Submission
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry
from tests import pictures
from tests.fakes.models import FakeEngine, FixedLineup, fake_model
from tests.fakes.repository import InMemoryPredictionRepository
from tests.fakes.storage import InMemoryObjectStore
from tests.manifests import manifest

KEY = re.compile(r"\d{4}/\d{2}/\d{2}/([0-9a-f-]{36})\.(jpg|png|webp)")


class House:
    """A service with all that it works with."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.models = FixedLineup(fake_model(self.engine))
        self.store = InMemoryObjectStore()
        self.repository = InMemoryPredictionRepository()
        self.registry = CollectorRegistry()
        self.executor = ThreadPoolExecutor(4)
        telemetry = Telemetry(self.registry)
        self.shadow = ShadowScorer(self.repository, telemetry, max_pixels=1_000_000)
        self.service = ClassificationService(
            self.models, self.store, self.repository, self.executor, self.shadow, telemetry,
            max_pixels=1_000_000)

    def settle(self) -> None:
        """Return when everything given to other threads is done."""
        self.executor.shutdown(wait=True)
        self.shadow.close()

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"imgclass_{name}", labels)

    def is_untouched(self) -> bool:
        """True if neither an object nor a row is left."""
        self.settle()
        return not (self.store.objects or self.repository.predictions or self.repository.users)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.settle()


def submission(data: bytes = pictures.png(60, 40), **changes: Any) -> Submission:
    complete: dict[str, Any] = {
        "data": data, "filename": "cup.png", "user_id": uuid.uuid4(),
        "email": "ada@example.org", "request_id": "request-1", "top_k": 1}
    return Submission(**{**complete, **changes})


@pytest.mark.parametrize(("colour", "best", "next_best"), [
    ("white", "bright", "in between"), ("black", "dark", "in between")])
def test_answer(house: House, colour: str, best: str, next_best: str) -> None:
    """The answer has the best class first and names the model, the image and the prediction."""
    data = pictures.encode(Image.new("RGB", (60, 40), colour), "PNG")
    answer = house.service.classify(submission(data))
    assert [score.label for score in answer.scores] == [best, next_best]
    assert answer.scores[0].confidence > answer.scores[1].confidence
    assert answer.model_version == "v1"
    assert set(house.repository.predictions) == {answer.prediction_id}
    assert house.repository.predictions[answer.prediction_id].image_id == answer.image_id


@pytest.mark.parametrize(("make", "media_type", "extension"), [
    (pictures.jpeg, "image/jpeg", "jpg"), (pictures.png, "image/png", "png"),
    (pictures.webp, "image/webp", "webp"), (lambda *_: pictures.mpo(), "image/jpeg", "jpg")])
def test_picture_is_stored_unchanged(
    house: House, make: Callable[[int, int], bytes], media_type: str, extension: str,
) -> None:
    """The bytes as sent lie under the day, the image's id and the picture's own extension."""
    data = make(60, 40)
    answer = house.service.classify(submission(data, filename="misnamed.gif"))
    ((key, stored),) = house.store.objects.items()
    assert stored == (data, media_type)
    found = KEY.fullmatch(key)
    assert found is not None
    assert found.groups() == (str(answer.image_id), extension)
    assert key.startswith(datetime.now(timezone.utc).strftime("%Y/%m/"))


def test_expired_before_it_began(house: House) -> None:
    """A picture whose sender has given up costs no inference and leaves nothing behind."""
    expired = submission(deadline=Deadline(time.monotonic()))
    with pytest.raises(DeadlineExceeded):
        house.service.classify(expired)
    assert house.engine.calls == []
    assert house.is_untouched()


def test_expired_before_inference(house: House) -> None:
    """Nor does one that expires on its way to the model; what was stored of it is removed."""
    house.models.before = lambda: time.sleep(0.05)
    with pytest.raises(DeadlineExceeded):
        house.service.classify(submission(deadline=Deadline(time.monotonic() + 0.03)))
    assert house.engine.calls == []
    assert house.is_untouched()


def test_in_time(house: House) -> None:
    """A deadline that is kept changes nothing."""
    answer = house.service.classify(submission(deadline=Deadline(time.monotonic() + 1000)))
    assert set(house.repository.predictions) == {answer.prediction_id}


def test_record_holds_the_whole_lineage(house: House) -> None:
    """A record says what was classified, for whom, by which model, and how."""
    data, user = pictures.jpeg(61, 43), uuid.uuid4()
    answer = house.service.classify(submission(data, user_id=user))
    record = house.repository.predictions[answer.prediction_id]
    assert (record.user_id, record.email) == (user, "ada@example.org")
    assert (record.filename, record.content_type) == ("cup.png", "image/jpeg")
    assert (record.size_bytes, record.sha256) == (len(data), hashlib.sha256(data).digest())
    assert (record.width, record.height) == (61, 43)
    assert (record.source, record.request_id) == ("http", "request-1")
    assert record.object_key in house.store.objects
    assert (record.model_version, record.engine) == ("v1", "litert")
    assert (record.model_digest, record.twin_digest) == ("a" * 64, "b" * 64)
    assert record.preprocessing_digest == manifest().preprocessing_digest
    assert record.predicted_class == answer.scores[0].label
    assert record.confidence_score == answer.scores[0].confidence
    assert record.prediction_time_ms == answer.prediction_time_ms
    assert record.top_k == [score.as_json() for score in answer.scores]


def test_tensorflow_has_no_twin(house: House) -> None:
    """A prediction of the SavedModel itself does not name the twin that did not make it."""
    house.models.current = Lineup(fake_model(FakeEngine("tensorflow")))
    answer = house.service.classify(submission())
    record = house.repository.predictions[answer.prediction_id]
    assert (record.engine, record.twin_digest) == ("tensorflow", None)


@pytest.mark.parametrize(("asked", "recorded"), [(1, 2), (2, 2), (3, 3), (100, 3)])
def test_number_of_classes(house: House, asked: int, recorded: int) -> None:
    """As many classes are recorded as the manifest names, or more if the caller asks."""
    answer = house.service.classify(submission(top_k=asked))
    assert len(house.repository.predictions[answer.prediction_id].top_k) == recorded


def test_prediction_time(house: House) -> None:
    """The time is that of decoding and inference; waiting for the store is not in it."""
    house.engine.before = lambda: time.sleep(0.05)
    house.store.before_put = lambda: time.sleep(0.4)
    assert 50 <= house.service.classify(submission()).prediction_time_ms < 350


def test_storing_and_inference_side_by_side(house: House) -> None:
    """Each waits for the other to begin: one after the other they would never end."""
    together = threading.Barrier(2)
    house.engine.before = lambda: together.wait(10)
    house.store.before_put = lambda: together.wait(10)
    house.service.classify(submission())
    assert len(house.repository.predictions) == 1


def test_many_requests_at_once(house: House) -> None:
    """Requests do not mix: each record belongs to its own picture."""
    sent = [submission(pictures.png(60, 40 + number)) for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(house.service.classify, sent))
    for given, answer in zip(sent, answers):
        record = house.repository.predictions[answer.prediction_id]
        assert record.sha256 == hashlib.sha256(given.data).digest()
        assert house.store.objects[record.object_key][0] == given.data
        assert record.user_id == given.user_id


@pytest.mark.parametrize(("data", "error"), [
    (b"hello", UnsupportedMedia), (b"", UnsupportedMedia),
    (pictures.png(60, 40)[:200], BrokenPicture), (pictures.animated("WEBP"), PayloadTooLarge),
    (pictures.png_header(2000, 2000), PayloadTooLarge),
], ids=["text", "empty", "cut off", "animated", "too large"])
def test_unusable_picture(house: House, data: bytes, error: type[Exception]) -> None:
    """What cannot be classified is neither stored nor recorded, nor shown to the model."""
    with pytest.raises(error):
        house.service.classify(submission(data))
    assert house.is_untouched()
    assert house.engine.calls == []


def test_no_model(house: House) -> None:
    """Without a model nothing is stored."""
    house.models.current = None
    with pytest.raises(ModelUnavailable):
        house.service.classify(submission())
    assert house.is_untouched()


def test_store_down(house: House) -> None:
    """Without the store nothing is recorded: no row may name an object that is not there."""
    house.store.down = True
    with pytest.raises(StoreUnavailable):
        house.service.classify(submission())
    assert house.is_untouched()


def test_store_that_only_seemed_to_fail(house: House) -> None:
    """An object that was stored although the answer was lost is taken back."""
    def put_and_fail(key: str, data: bytes, content_type: str) -> None:
        house.store.objects[key] = (data, content_type)
        raise StoreUnavailable()

    house.store.put = put_and_fail  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        house.service.classify(submission())
    assert house.is_untouched()


def test_database_down(house: House) -> None:
    """Without the database the stored object is taken back."""
    house.repository.down = True
    with pytest.raises(DatabaseUnavailable):
        house.service.classify(submission())
    assert house.is_untouched()
    assert house.metric("orphaned_objects_total") == 0
    assert house.metric("predictions_total", model_version="v1") is None


def test_engine_fails(house: House) -> None:
    """If the model fails, its error is passed on and the object is taken back."""
    def fail() -> None:
        raise RuntimeError("out of order")

    house.engine.before = fail
    with pytest.raises(RuntimeError, match="out of order"):
        house.service.classify(submission())
    assert house.is_untouched()


def test_engine_fails_before_the_object_is_stored(house: House) -> None:
    """An object still on its way when the request fails is waited for and taken back."""
    failed = threading.Event()

    def fail() -> None:
        raise RuntimeError

    house.engine.before = fail
    house.store.before_put = lambda: failed.wait(10)
    with pytest.raises(RuntimeError):
        house.service.classify(submission())
    failed.set()
    assert house.is_untouched()


def test_unknown_commit(house: House) -> None:
    """If the row may have been stored, its object stays: a row without one would be worse."""
    house.repository.loses_commits = True
    with pytest.raises(CommitUnknown):
        house.service.classify(submission())
    house.settle()
    ((_, record),) = house.repository.predictions.items()
    assert set(house.store.objects) == {record.object_key}


def test_object_left_behind(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """An object that cannot be taken back is counted, and the log names its key."""
    house.repository.down = True

    def refuse(key: str) -> None:
        raise StoreUnavailable()

    house.store.delete = refuse  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR), pytest.raises(DatabaseUnavailable):
        house.service.classify(submission())
    house.settle()
    assert house.metric("orphaned_objects_total") == 1
    ((key, _),) = house.store.objects.items()
    assert [vars(found)["key"] for found in caplog.records] == [key]


def test_swap_during_a_request(house: House) -> None:
    """A request ends with the model it began with, in its answer as in its record."""
    def swap() -> None:
        house.models.current = Lineup(fake_model(version="v2", digest="c" * 64))

    house.engine.before = swap
    house.repository.models = {"v1", "v2"}
    answer = house.service.classify(submission())
    assert answer.model_version == "v1"
    record = house.repository.predictions[answer.prediction_id]
    assert (record.model_version, record.model_digest) == ("v1", "a" * 64)
    assert house.service.classify(submission()).model_version == "v2"


def test_canary(house: House) -> None:
    """A share of the users is answered by the canary, each always by the same model."""
    house.repository.models = {"v1", "v2"}
    house.models.current = Lineup(
        fake_model(), canary=fake_model(version="v2", digest="c" * 64), canary_percent=50)
    users = [uuid.uuid4() for _ in range(40)]
    first, second = (
        [house.service.classify(submission(user_id=user)).model_version for user in users]
        for _ in range(2))
    assert first == second
    assert set(first) == {"v1", "v2"}


def test_shadow(house: House) -> None:
    """The shadow model sees what was answered; its answer is recorded and given to nobody."""
    house.repository.models = {"v1", "v2"}
    engine = FakeEngine()
    shadow = fake_model(engine, version="v2", digest="c" * 64)
    house.models.current = Lineup(fake_model(house.engine), shadow=shadow)
    answer = house.service.classify(submission())
    house.settle()
    assert answer.model_version == "v1"
    assert len(engine.calls) == 1
    ((key, record),) = house.repository.shadows.items()
    assert key == (answer.prediction_id, "v2")
    assert record.lineage == shadow.lineage()


def test_shadow_costs_no_answer(house: House) -> None:
    """A shadow model that hangs or fails delays and spoils nothing."""
    released = threading.Event()
    engine = FakeEngine()

    def fail() -> None:
        released.wait(10)
        raise RuntimeError("out of order")

    engine.before = fail
    house.models.current = Lineup(
        fake_model(house.engine), shadow=fake_model(engine, version="v2", digest="c" * 64))
    for _ in range(3):
        house.service.classify(submission())
    assert len(house.repository.predictions) == 3
    released.set()
    house.settle()
    assert house.repository.shadows == {}
    assert house.metric("shadow_predictions_dropped_total") == 3


def test_shadow_of_a_failed_request(house: House) -> None:
    """What was not answered is not shown to the shadow model."""
    engine = FakeEngine()
    house.models.current = Lineup(
        fake_model(house.engine), shadow=fake_model(engine, version="v2", digest="c" * 64))
    house.repository.down = True
    with pytest.raises(DatabaseUnavailable):
        house.service.classify(submission())
    assert house.is_untouched()
    assert engine.calls == []


def test_metrics(house: House) -> None:
    """Each step is timed, and predictions are counted by model."""
    for _ in range(3):
        house.service.classify(submission())
    assert house.metric("predictions_total", model_version="v1") == 3
    for step in ("preprocess", "inference", "store", "record"):
        assert house.metric(f"{step}_duration_seconds_count") == 3


def test_email_of_the_caller(house: House) -> None:
    """Who acts for another user passes on no address."""
    answer = house.service.classify(submission(email=None))
    assert house.repository.predictions[answer.prediction_id].email is None

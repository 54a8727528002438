"""A picture that is sent again with its key: the first answer, whatever happened to the first."""
from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from common.errors import (
    BrokenPicture, CommitUnknown, Conflict, Gone, InProgress, KeyReused, StoreUnavailable,
    Unavailable, UnsupportedMedia)
from predict.idempotency.key import read_key
from predict.idempotency.repository import StoredAnswer
from predict.idempotency.service import RepeatableClassification
from predict.service import ClassificationService, Submission
from predict.shadow import ShadowScorer
from predict.telemetry import Telemetry
from tests import pictures
from tests.fakes.keys import InMemoryKeys, stored_answer
from tests.fakes.models import FakeEngine, FixedLineup, fake_model
from tests.fakes.repository import InMemoryPredictionRepository
from tests.fakes.storage import InMemoryObjectStore

PICTURE = pictures.png(60, 40)
USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")


class House:
    """The service with all that it works with."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.store = InMemoryObjectStore()
        self.repository = InMemoryPredictionRepository()
        self.keys = InMemoryKeys(self._answer)
        self.repository.complete_key = self.keys.complete
        self.executor = ThreadPoolExecutor(4)
        telemetry = Telemetry(CollectorRegistry())
        self.shadow = ShadowScorer(self.repository, telemetry, max_pixels=1_000_000)
        self.inner = ClassificationService(
            FixedLineup(fake_model(self.engine)), self.store, self.repository, self.executor,
            self.shadow, telemetry, max_pixels=1_000_000)
        self.service = RepeatableClassification(self.inner, self.keys)

    def hold(self) -> tuple[threading.Event, threading.Event]:
        """Hold the model's first answer: whether it was asked, and that it may go on."""
        begun, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            if not begun.is_set():
                begun.set()
                go_on.wait(10)

        self.engine.before = hold
        return begun, go_on

    def settle(self) -> None:
        """Return when everything given to other threads is done."""
        self.executor.shutdown(wait=True)
        self.shadow.close()

    def counts(self) -> tuple[int, int, int]:
        """How often the model was asked, how many predictions and how many objects there are."""
        self.settle()
        return len(self.engine.calls), len(self.repository.predictions), len(self.store.objects)

    def let_leases_run_out(self) -> None:
        for row in self.keys.rows.values():
            row.lease_until = datetime.now(timezone.utc) - timedelta(seconds=1)

    def _answer(self, prediction_id: uuid.UUID) -> StoredAnswer | None:
        found = self.repository.predictions.get(prediction_id)
        return found and stored_answer(prediction_id, found)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.settle()


def submission(
    key: str | None = "key", data: bytes = PICTURE, top_k: int | None = None, **changes: Any
) -> Submission:
    plain = Submission(
        data=data, filename="cup.png", user_id=USER, email="ada@example.org",
        request_id="request-1", top_k=top_k or 1, key=read_key(key, USER, USER, top_k, data))
    return replace(plain, **changes)


def test_without_a_key(house: House) -> None:
    """What is sent without a key is another picture each time, and no key is looked at."""
    house.keys.down = True
    first, second = (house.service.classify(submission(None)) for _ in range(2))
    assert first.prediction_id != second.prediction_id
    assert not first.replayed and not second.replayed
    assert house.counts() == (2, 2, 2)


def test_repeated(house: House) -> None:
    """What is sent again gets the first answer, to the last bit, and nothing is done for it."""
    first = house.service.classify(submission())
    again = [house.service.classify(submission(request_id=f"request-{number}"))
             for number in range(2, 4)]
    assert not first.replayed
    assert again == [replace(first, replayed=True)] * 2
    assert house.counts() == (1, 1, 1)


def test_other_keys(house: House) -> None:
    """The same picture with another key is another picture."""
    house.service.classify(submission("one"))
    assert not house.service.classify(submission("other")).replayed
    assert house.counts() == (2, 2, 2)


@pytest.mark.parametrize("other", [
    {"data": pictures.png(61, 40)}, {"top_k": 2}, {"top_k": 1}], ids=["picture", "top_k", "1"])
def test_other_request(house: House, other: dict[str, Any]) -> None:
    """A key that was sent with another request is refused, and the first answer stays."""
    first = house.service.classify(submission())
    with pytest.raises(KeyReused):
        house.service.classify(submission(**other))
    assert house.service.classify(submission()).prediction_id == first.prediction_id
    assert house.counts() == (1, 1, 1)


def test_two_at_once(house: House) -> None:
    """Of requests sent side by side one is classified, and all get its answer."""
    begun, done = house.hold()
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(house.service.classify, submission())
        assert begun.wait(10)
        others = [threads.submit(house.service.classify, submission()) for _ in range(3)]
        assert not any(each.done() for each in others)
        done.set()
        answers = [each.result(10) for each in (first, *others)]
    assert {each.prediction_id for each in answers} == {answers[0].prediction_id}
    assert [each.replayed for each in answers] == [False, True, True, True]
    assert house.counts() == (1, 1, 1)


def test_other_request_at_once(house: House) -> None:
    """Another request with the key of one that is being answered does not wait for it."""
    begun, done = house.hold()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(house.service.classify, submission())
        assert begun.wait(10)
        with pytest.raises(KeyReused):
            house.service.classify(submission(data=pictures.png(61, 40)))
        done.set()
        first.result(10)
    assert house.counts() == (1, 1, 1)


def test_first_takes_too_long(house: House) -> None:
    """Nobody waits for long: the second request is told to come back, and then answered."""
    begun, done = house.hold()
    hurried = RepeatableClassification(house.inner, house.keys, wait_seconds=0)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(house.service.classify, submission())
        assert begun.wait(10)
        with pytest.raises(InProgress):
            hurried.classify(submission())
        done.set()
        answered = first.result(10)
        assert hurried.classify(submission()).prediction_id == answered.prediction_id


def test_first_fails_while_the_second_waits(house: House) -> None:
    """Who waits for an answer that does not come takes over at once."""
    begun, fail = threading.Event(), threading.Event()

    def hold() -> None:
        if not begun.is_set():
            begun.set()
            fail.wait(10)
            raise RuntimeError("out of order")

    house.engine.before = hold
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(house.service.classify, submission())
        assert begun.wait(10)
        second = threads.submit(house.service.classify, submission())
        fail.set()
        assert not second.result(10).replayed
        with pytest.raises(RuntimeError):
            first.result(10)
    _, predictions, objects = house.counts()
    assert (predictions, objects) == (1, 1)


@pytest.mark.parametrize("data", [b"hello", PICTURE[:100]], ids=["text", "cut off"])
def test_refusals_are_not_kept(house: House, data: bytes) -> None:
    """A refused picture leaves its key free for a better one."""
    for _ in range(2):
        with pytest.raises((UnsupportedMedia, BrokenPicture)):
            house.service.classify(submission(data=data))
    assert house.keys.rows == {}
    assert not house.service.classify(submission()).replayed


def test_outages_are_not_kept(house: House) -> None:
    """A request that failed is free to be repeated."""
    house.store.down = True
    with pytest.raises(StoreUnavailable):
        house.service.classify(submission())
    house.store.down = False
    assert not house.service.classify(submission()).replayed
    _, predictions, objects = house.counts()
    assert (predictions, objects) == (1, 1)


def test_commit_whose_answer_was_lost(house: House) -> None:
    """If the prediction was stored after all, its key tells, and it is the answer."""
    house.repository.loses_commits = True
    answer = house.service.classify(submission())
    assert {answer.prediction_id} == set(house.repository.predictions)
    assert not answer.replayed
    assert house.service.classify(submission()) == replace(answer, replayed=True)
    assert house.counts() == (1, 1, 1)


def test_commit_that_never_arrived(house: House) -> None:
    """If nothing was stored the request may be repeated, and it is classified then."""
    house.repository.drops_commits = True
    with pytest.raises(Unavailable) as caught:
        house.service.classify(submission())
    assert not isinstance(caught.value, CommitUnknown)
    house.repository.drops_commits = False
    assert not house.service.classify(submission()).replayed
    assert len(house.repository.predictions) == 1


def test_commit_lost_with_the_database(house: House) -> None:
    """As long as nobody knows what was stored the key is held; then it leads to the answer."""
    house.repository.loses_commits = True
    settle = house.keys.settle

    def fail(claim: Any) -> bool:
        house.keys.down = True
        return settle(claim)

    house.keys.settle = fail  # type: ignore[method-assign]
    with pytest.raises(Unavailable) as caught:
        house.service.classify(submission())
    assert not isinstance(caught.value, CommitUnknown)
    house.keys.down = False
    ((prediction_id, _),) = house.repository.predictions.items()
    assert house.service.classify(submission()).prediction_id == prediction_id
    assert house.counts() == (1, 1, 1)


def test_claim_whose_commit_was_lost(house: House) -> None:
    """Before anything is classified a lost connection is an outage like any other."""
    def lose(*_: Any) -> None:
        raise CommitUnknown()

    house.keys.claim = lose  # type: ignore[method-assign, assignment]
    with pytest.raises(Unavailable) as caught:
        house.service.classify(submission())
    assert not isinstance(caught.value, CommitUnknown)


def test_request_that_died(house: House) -> None:
    """What a dead process had begun is begun anew once its lease has run out."""
    sent = submission()
    assert sent.key is not None
    house.keys.claim(sent.key, 0)
    assert not house.service.classify(submission()).replayed
    assert house.counts() == (1, 1, 1)


def test_overtaken_request(house: House) -> None:
    """A request that was thought dead records nothing and gets the answer of its successor."""
    begun, go_on = house.hold()
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(house.service.classify, submission())
        assert begun.wait(10)
        house.let_leases_run_out()
        quick = house.service.classify(submission())
        go_on.set()
        assert slow.result(10) == replace(quick, replayed=True)
    assert house.counts() == (2, 1, 1)


def test_erased(house: House) -> None:
    """A picture that was erased does not come back because its request does."""
    first = house.service.classify(submission())
    del house.repository.predictions[first.prediction_id]
    with pytest.raises(Gone):
        house.service.classify(submission())
    for row in house.keys.rows.values():
        row.request_digest = None
    with pytest.raises(Gone):
        house.service.classify(submission())
    assert house.repository.predictions == {}


def test_owner_erased_meanwhile(house: House) -> None:
    """A request that was under way when its user was erased stores nothing and holds no key."""
    def erase() -> None:
        house.repository.erased[USER] = time.perf_counter()
        house.keys.rows.clear()

    house.engine.before = erase
    with pytest.raises(Conflict):
        house.service.classify(submission())
    _, predictions, objects = house.counts()
    assert (predictions, objects, house.keys.rows) == (0, 0, {})


def test_key_that_cannot_be_released(house: House) -> None:
    """An error is told as it is, even if the database does not hear that the key is free."""
    def fail() -> None:
        house.keys.down = True
        raise RuntimeError("out of order")

    house.engine.before = fail
    with pytest.raises(RuntimeError, match="out of order"):
        house.service.classify(submission())


@pytest.mark.parametrize("make", [
    lambda: read_key("k", USER, USER, 1, b"x"), lambda: read_key("k", USER, USER, None, b"x"),
    lambda: read_key("k", USER, uuid.UUID(int=1), None, b"x"),
    lambda: read_key("k", USER, USER, None, b"1 x"), lambda: read_key("k", USER, USER, 1, b"")])
def test_request_digests_differ(make: Callable[[], Any]) -> None:
    """Picture, owner and number of classes make a request; none is mistaken for another."""
    assert make().request_digest != read_key(
        "k", USER, USER, None, b"").request_digest  # type: ignore[union-attr]

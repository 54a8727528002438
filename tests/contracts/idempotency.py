"""The contract of KeyRepository, and of the claims that a prediction repository completes."""
from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import pytest

from common.errors import DatabaseUnavailable, LeaseLost
from predict.idempotency.key import RequestKey, read_key
from predict.idempotency.repository import KeyRepository, KeyState, StoredAnswer
from predict.repository import KeyClaim, PredictionRepository
from tests.records import record

LEASE = 60.0
USER = uuid.UUID("6f1c3a52-58ff-4c1c-8f0e-0d8f0f6d2c11")


class KeyOffice(Protocol):
    """The keys with what is around them."""

    keys: KeyRepository
    repository: PredictionRepository

    def let_pass(self, time: timedelta) -> None:
        """Make every key older."""

    def erase(self, prediction_id: uuid.UUID) -> None:
        """Delete a prediction with its picture, and forget what was sent with its key."""

    def count(self) -> int:
        """How many keys are kept."""


def key(text: str = "key", user: uuid.UUID = USER, picture: bytes = b"picture") -> RequestKey:
    read = read_key(text, user, user, None, picture)
    assert read is not None
    return read


def claimed(keys: KeyRepository, request: RequestKey, lease: float = LEASE) -> KeyClaim:
    claim = keys.claim(request, lease)
    assert claim is not None
    return claim


def answer(office: KeyOffice, claim: KeyClaim, **changes: Any) -> StoredAnswer:
    """Record a prediction for a claim; answers what is kept of it."""
    given = record(user_id=USER, email=None, **changes)
    return StoredAnswer(
        office.repository.record(given, claim), given.image_id, given.model_version,
        given.prediction_time_ms, given.top_k)


class KeysContract:
    """Subclasses give the fixtures `office` and `unreachable_keys`."""

    def test_claim(self, office: KeyOffice) -> None:
        """A new key is taken by one request, and found to be without an answer."""
        assert office.keys.find(key()) is None
        claim = claimed(office.keys, key())
        assert (claim.user_id, claim.key_digest) == (USER, key().key_digest)
        assert office.keys.claim(key(), LEASE) is None
        assert office.keys.find(key()) == KeyState(key().request_digest, False, False, None)

    def test_keys_of_others(self, office: KeyOffice) -> None:
        """The same text is another key with another user, and another text with the same."""
        claimed(office.keys, key())
        claimed(office.keys, key(user=uuid.uuid4()))
        claimed(office.keys, key("other"))
        assert office.count() == 3

    def test_answer(self, office: KeyOffice) -> None:
        """Once the prediction is recorded its key has the answer, as it was given."""
        given = answer(office, claimed(office.keys, key()))
        assert office.keys.find(key()) == KeyState(key().request_digest, True, False, given)
        assert office.keys.claim(key(), LEASE) is None

    def test_other_request(self, office: KeyOffice) -> None:
        """Whatever else is sent with a known key, what was sent first stays."""
        other = key(picture=b"other")
        claim = claimed(office.keys, key(), lease=0)
        assert office.keys.claim(other, LEASE) is None
        answer(office, claim)
        assert office.keys.claim(other, LEASE) is None
        state = office.keys.find(other)
        assert state is not None and state.request_digest == key().request_digest

    def test_release(self, office: KeyOffice) -> None:
        """A key that is given back is new, for any request."""
        office.keys.release(claimed(office.keys, key()))
        assert office.keys.find(key()) is None
        claimed(office.keys, key(picture=b"other"))

    def test_release_of_an_answer(self, office: KeyOffice) -> None:
        """What was answered, and what is another's, cannot be given back."""
        first = claimed(office.keys, key(), lease=0)
        second = claimed(office.keys, key())
        office.keys.release(first)
        answer(office, second)
        office.keys.release(second)
        assert office.count() == 1

    def test_lease(self, office: KeyOffice) -> None:
        """A request that died is taken over by the same request once its lease has run out."""
        first = claimed(office.keys, key(), lease=0)
        assert office.keys.find(key()) == KeyState(key().request_digest, False, True, None)
        second = claimed(office.keys, key())
        assert second.lease_token != first.lease_token
        with pytest.raises(LeaseLost):
            answer(office, first)
        given = answer(office, second)
        state = office.keys.find(key())
        assert state is not None and state.answer == given

    def test_answered_once(self, office: KeyOffice) -> None:
        """A claim is completed by one prediction."""
        claim = claimed(office.keys, key())
        answer(office, claim)
        with pytest.raises(LeaseLost):
            answer(office, claim)

    def test_settle(self, office: KeyOffice) -> None:
        """Whether a claim was answered can be asked; one that was lost was not."""
        claim = claimed(office.keys, key())
        assert not office.keys.settle(claim)
        answer(office, claim)
        assert office.keys.settle(claim)
        assert not office.keys.settle(replace(claim, lease_token=uuid.uuid4()))

    def test_expired(self, office: KeyOffice) -> None:
        """After a day a key is as good as new, whatever became of it."""
        answer(office, claimed(office.keys, key()))
        claimed(office.keys, key("open"))
        office.let_pass(timedelta(hours=23))
        assert office.keys.claim(key(), LEASE) is None
        assert office.keys.forget_expired() == 0
        office.let_pass(timedelta(hours=1))
        assert office.keys.find(key()) is None
        given = answer(office, claimed(office.keys, key(picture=b"other")))
        state = office.keys.find(key(picture=b"other"))
        assert state is not None and state.answer == given
        assert office.keys.forget_expired() == 1
        assert office.count() == 1

    def test_erased(self, office: KeyOffice) -> None:
        """Of an erased picture the key knows only that there was an answer."""
        given = answer(office, claimed(office.keys, key()))
        office.erase(given.prediction_id)
        state = office.keys.find(key())
        assert state is not None
        assert (state.request_digest, state.is_answered, state.answer) == (None, True, None)
        assert office.keys.claim(key(), LEASE) is None

    @pytest.mark.parametrize("lease", [LEASE, 0])
    def test_claimed_by_rivals(self, office: KeyOffice, lease: float) -> None:
        """Of many who claim a key at once, new or left behind by a dead request, one gets it."""
        if lease == 0:
            claimed(office.keys, key(), lease=0)
        together = threading.Barrier(4)

        def claim(_number: int) -> KeyClaim | None:
            together.wait(10)
            return office.keys.claim(key(), LEASE)

        with ThreadPoolExecutor(4) as threads:
            got = [each for each in threads.map(claim, range(4)) if each is not None]
        assert len(got) == 1

    def test_answered_by_rivals(self, office: KeyOffice) -> None:
        """A request and the one that overtook it record one prediction between them."""
        for number in range(5):
            request = key(str(number))
            claims = [claimed(office.keys, request, lease=0), claimed(office.keys, request)]
            together = threading.Barrier(2)

            def attempt(claim: KeyClaim) -> int:
                together.wait(10)
                try:
                    answer(office, claim)
                    return 1
                except LeaseLost:
                    return 0

            with ThreadPoolExecutor(2) as threads:
                assert list(threads.map(attempt, claims)) == [0, 1]

    def test_unreachable(self, unreachable_keys: KeyRepository) -> None:
        """Without the database every method says so."""
        claim = KeyClaim(USER, key().key_digest, uuid.uuid4())
        for attempt in (
            lambda: unreachable_keys.claim(key(), LEASE), lambda: unreachable_keys.find(key()),
            lambda: unreachable_keys.settle(claim), lambda: unreachable_keys.release(claim),
            unreachable_keys.forget_expired,
        ):
            with pytest.raises(DatabaseUnavailable):
                attempt()

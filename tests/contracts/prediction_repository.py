"""The contract of PredictionRepository."""
from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import pytest

from common.auth import placeholder_email
from common.errors import Conflict, DatabaseUnavailable, NotFound
from predict.repository import (
    PredictionRecord, PredictionRepository, ShadowRecord, StoredPicture)
from tests.records import record, shadow_record


class Stored(Protocol):
    """Looks at what a repository keeps, past the repository."""

    def emails(self) -> dict[uuid.UUID, str]:
        """Every user's address."""

    def prediction(self, prediction_id: uuid.UUID) -> PredictionRecord:
        """A prediction with its picture and the present address of its owner."""

    def shadows(self) -> list[ShadowRecord]:
        """Everything shadow models have said."""

    def counts(self) -> tuple[int, int, int]:
        """How many users, images and predictions there are."""


class PredictionRepositoryContract:
    """Subclasses give the fixtures `repository`, `stored` and `unreachable_repository`.

    The repository is empty but for the model versions v1 and v2.
    """

    def test_record(self, repository: PredictionRepository, stored: Stored) -> None:
        """Everything known of a prediction is kept as it was given."""
        given = record()
        assert stored.prediction(repository.record(given)) == given
        assert stored.counts() == (1, 1, 1)

    def test_record_without_a_twin(
        self, repository: PredictionRepository, stored: Stored,
    ) -> None:
        """A model served by TensorFlow has no twin to name."""
        given = record(engine="tensorflow", twin_digest=None)
        assert stored.prediction(repository.record(given)) == given

    def test_every_prediction_has_its_own_id(
        self, repository: PredictionRepository, stored: Stored,
    ) -> None:
        """A user may send any number of pictures."""
        user = record()
        ids = {repository.record(record(user_id=user.user_id, email=user.email))
               for _ in range(3)}
        assert len(ids) == 3
        assert stored.counts() == (1, 3, 3)

    def test_new_address(self, repository: PredictionRepository, stored: Stored) -> None:
        """An address that changed in the token changes here."""
        user = uuid.uuid4()
        repository.record(record(user_id=user, email="old@example.org"))
        repository.record(record(user_id=user, email="new@example.org"))
        assert stored.emails() == {user: "new@example.org"}

    def test_address_of_another_user(
        self, repository: PredictionRepository, stored: Stored,
    ) -> None:
        """An address belongs to its first user; the second is served under a placeholder."""
        first, second = uuid.uuid4(), uuid.uuid4()
        for user in (first, second, second, first):
            repository.record(record(user_id=user, email="shared@example.org"))
        assert stored.emails() == {
            first: "shared@example.org", second: placeholder_email(second)}
        assert stored.counts() == (2, 4, 4)

    def test_address_that_became_free(
        self, repository: PredictionRepository, stored: Stored,
    ) -> None:
        """Once its owner has another address, it goes to whose token names it."""
        first, second = uuid.uuid4(), uuid.uuid4()
        repository.record(record(user_id=first, email="shared@example.org"))
        repository.record(record(user_id=second, email="shared@example.org"))
        repository.record(record(user_id=first, email="other@example.org"))
        repository.record(record(user_id=second, email="shared@example.org"))
        assert stored.emails() == {first: "other@example.org", second: "shared@example.org"}

    def test_change_to_an_address_of_another_user(
        self, repository: PredictionRepository, stored: Stored,
    ) -> None:
        """Who changes to an address that is taken falls back to a placeholder."""
        first, second = uuid.uuid4(), uuid.uuid4()
        repository.record(record(user_id=first, email="one@example.org"))
        repository.record(record(user_id=second, email="two@example.org"))
        repository.record(record(user_id=second, email="one@example.org"))
        assert stored.emails() == {
            first: "one@example.org", second: placeholder_email(second)}

    def test_administrator_leaves_the_address(
        self, repository: PredictionRepository, stored: Stored,
    ) -> None:
        """Who acts for another user knows nothing of that user's address."""
        known, unknown = uuid.uuid4(), uuid.uuid4()
        repository.record(record(user_id=known, email="known@example.org"))
        repository.record(record(user_id=known, email=None))
        repository.record(record(user_id=unknown, email=None))
        repository.record(record(user_id=unknown, email=None))
        assert stored.emails() == {
            known: "known@example.org", unknown: placeholder_email(unknown)}

    @pytest.mark.parametrize("change", ["model_version", "image_id", "object_key"])
    def test_failure_writes_nothing(
        self, repository: PredictionRepository, stored: Stored, change: str,
    ) -> None:
        """What contradicts the stored is refused as a whole: no user, no image is left behind."""
        first = record()
        repository.record(first)
        changes = {"model_version": "unknown", "image_id": first.image_id,
                   "object_key": first.object_key}
        with pytest.raises(Conflict) as caught:
            repository.record(replace(record(), **{change: changes[change]}))
        assert str(caught.value) == Conflict.__doc__
        assert stored.counts() == (1, 1, 1)

    def test_goes_on_after_a_failure(
        self, repository: PredictionRepository, stored: Stored,
    ) -> None:
        """A refused record does no harm to the next one."""
        with pytest.raises(Conflict):
            repository.record(record(model_version="unknown"))
        repository.record(record())
        assert stored.counts() == (1, 1, 1)

    @pytest.mark.parametrize("round", range(5))
    def test_many_first_pictures_at_once(
        self, repository: PredictionRepository, stored: Stored, round: int,
    ) -> None:
        """A new user may begin with a whole folder, sent side by side."""
        user, count = uuid.uuid4(), 6
        together = threading.Barrier(count)

        def send(_number: int) -> None:
            together.wait(10)
            repository.record(record(user_id=user, email="new@example.org"))

        with ThreadPoolExecutor(count) as threads:
            list(threads.map(send, range(count)))
        assert stored.emails() == {user: "new@example.org"}
        assert stored.counts() == (1, count, count)

    @pytest.mark.parametrize("round", range(5))
    def test_one_address_at_once(
        self, repository: PredictionRepository, stored: Stored, round: int,
    ) -> None:
        """Users whose tokens name one address are all served; one of them gets it."""
        users = [uuid.uuid4() for _ in range(6)]
        together = threading.Barrier(len(users))

        def send(user: uuid.UUID) -> None:
            together.wait(10)
            repository.record(record(user_id=user, email="shared@example.org"))

        with ThreadPoolExecutor(len(users)) as threads:
            list(threads.map(send, users))
        emails = stored.emails()
        assert sum(email == "shared@example.org" for email in emails.values()) == 1
        assert stored.counts() == (6, 6, 6)

    def test_again(self, repository: PredictionRepository, stored: Stored) -> None:
        """A picture may have any number of predictions, each with a lineage of its own."""
        given = record()
        first = repository.record(given)
        again = replace(given, model_version="v2", predicted_class="cup", model_digest="e" * 64)
        second = repository.record_again(again)
        assert (stored.prediction(first), stored.prediction(second)) == (given, again)
        assert stored.counts() == (1, 1, 2)

    def test_again_without_a_picture(
        self, repository: PredictionRepository, stored: Stored,
    ) -> None:
        """What is not there, or is another's, gets no prediction, and nobody is created."""
        given = record()
        repository.record(given)
        for changes in ({"image_id": uuid.uuid4()}, {"user_id": uuid.uuid4()}):
            with pytest.raises(NotFound):
                repository.record_again(replace(given, **changes))
        with pytest.raises(Conflict):
            repository.record_again(replace(given, model_version="unknown"))
        assert stored.counts() == (1, 1, 1)

    def test_find_picture(self, repository: PredictionRepository) -> None:
        """A picture is found by its owner, and by whoever may see everything."""
        given = record()
        repository.record(given)
        expected = StoredPicture(
            given.image_id, given.user_id, given.filename, given.object_key, given.size_bytes,
            given.sha256)
        for owner in (given.user_id, None):
            assert repository.find_picture(given.image_id, owner) == expected
        assert repository.find_picture(given.image_id, uuid.uuid4()) is None
        assert repository.find_picture(uuid.uuid4(), None) is None

    def test_shadow(self, repository: PredictionRepository, stored: Stored) -> None:
        """What the shadow model says is kept beside the answer, and does not change it."""
        given = record()
        prediction_id = repository.record(given)
        shadow = shadow_record(prediction_id)
        repository.record_shadow(shadow)
        assert stored.shadows() == [shadow]
        assert stored.prediction(prediction_id) == given

    def test_shadow_twice(self, repository: PredictionRepository, stored: Stored) -> None:
        """The shadow model is heard once; what it says later changes nothing."""
        shadow = shadow_record(repository.record(record()))
        repository.record_shadow(shadow)
        repository.record_shadow(replace(shadow, predicted_class="other"))
        assert stored.shadows() == [shadow]

    def test_shadow_of_nothing(self, repository: PredictionRepository, stored: Stored) -> None:
        """There is no shadow of a prediction that is not, or is no longer, there."""
        with pytest.raises(Conflict):
            repository.record_shadow(shadow_record(uuid.uuid4()))
        assert stored.shadows() == []

    def test_unreachable(self, unreachable_repository: PredictionRepository) -> None:
        """Without the database every method says so, without a word of the driver's."""
        for attempt in (
            lambda: unreachable_repository.record(record()),
            lambda: unreachable_repository.record_again(record()),
            lambda: unreachable_repository.find_picture(uuid.uuid4(), None),
            lambda: unreachable_repository.record_shadow(shadow_record(uuid.uuid4())),
        ):
            with pytest.raises(DatabaseUnavailable) as caught:
                attempt()
            assert str(caught.value) == "The database does not answer."

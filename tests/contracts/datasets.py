"""The contract of LabelledPictures."""
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from model_admin.datasets.repository import Choice, LabelledPicture, LabelledPictures
from tests.fakes.datasets import NOON, labelled

SECOND = timedelta(seconds=1)

AddLabelled = Callable[[LabelledPicture, datetime], None]


class LabelledPicturesContract:
    """Subclasses give `pictures`, without any, and `add`, which stores one and when it was
    answered. The models v1 and v2 are there."""

    def test_nothing(self, pictures: LabelledPictures) -> None:
        """Of nothing that was said there is nothing."""
        assert [*pictures.all(Choice())] == []

    def test_order(self, pictures: LabelledPictures, add: AddLabelled) -> None:
        """All pictures come as they were stored, in the order of their digests."""
        given = [labelled(bytes([number]), f"naïve {number}% 'x'") for number in range(20)]
        given += [labelled(b"odd", content_type="image/png", width=None, height=None)]
        for each in given:
            add(each, NOON)
        assert [*pictures.all(Choice())] == sorted(given, key=lambda each: each.sha256)

    def test_last_opinion(self, pictures: LabelledPictures, add: AddLabelled) -> None:
        """The same bytes are one picture, of which the last opinion counts, also for a label
        that is asked for."""
        first = labelled(b"same", "cup", labelled_at=NOON)
        last = labelled(b"same", "espresso", labelled_at=NOON + SECOND)
        for each in (last, first):
            add(each, NOON)
        assert [*pictures.all(Choice())] == [last]
        assert [*pictures.all(Choice(label="espresso"))] == [last]
        assert [*pictures.all(Choice(label="cup"))] == []

    def test_chosen(self, pictures: LabelledPictures, add: AddLabelled) -> None:
        """What is chosen is chosen by label, version and the time of the answer."""
        one, two = labelled(b"1", "cup"), labelled(b"2", "pot", model_version="v2")
        add(one, NOON)
        add(two, NOON + SECOND)
        for choice, found in (
            (Choice(label="cup"), [one]), (Choice(label="Cup"), []),
            (Choice(model_version="v2"), [two]), (Choice(since=NOON + SECOND), [two]),
            (Choice(until=NOON + SECOND), [one]), (Choice(since=NOON, until=NOON), []),
            (Choice("pot", "v2", NOON, NOON + 2 * SECOND), [two]),
        ):
            assert [*pictures.all(choice)] == found, choice

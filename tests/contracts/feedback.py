"""The contract of FeedbackRepository."""
from __future__ import annotations

import uuid
from typing import Any

import pytest

from history.feedback.cursor import MarginPosition
from history.feedback.repository import FeedbackRepository, Row, Subject
from history.predictions.repository import PredictionReader
from tests.contracts.history import AddPrediction
from tests.fakes.history import LISTED, prediction

ADA, BOB = uuid.uuid4(), uuid.uuid4()
# Of the model version v1; those of v2 are not known.
LABELS = ["espresso", "cup", "naïve 100% 'x'"]


def ranked(*confidences: float) -> list[dict[str, Any]]:
    """As many classes, as they are recorded."""
    return [{"class": f"class {number}", "index": number, "confidence": confidence}
            for number, confidence in enumerate(confidences)]


class FeedbackContract:
    """Subclasses give `feedback` and `reader`, without rows but knowing LABELS, and `add`."""

    @pytest.fixture
    def row(self, add: AddPrediction) -> Row:
        """A prediction of Ada's."""
        row = prediction(ADA)
        add(row)
        return row

    @pytest.mark.parametrize(("version", "label", "fits"), [
        ("v1", "cup", True), ("v1", "Cup", False), ("v1", "naïve 100% 'x'", True),
        ("v1", "tabby", True), ("v1", "spoon", False), ("v2", "spoon", True)])
    def test_subject(
        self, feedback: FeedbackRepository, add: AddPrediction, version: str, label: str,
        fits: bool,
    ) -> None:
        """A label fits that the version has, or the predicted one, or any if none is known."""
        row = prediction(ADA, model_version=version, predicted_class="tabby")
        add(row)
        found = feedback.subject(row["prediction_id"], ADA, label)
        assert found == Subject(ADA, version, fits)

    def test_others(self, feedback: FeedbackRepository, row: Row) -> None:
        """Somebody else's prediction is found only by who owns everything."""
        prediction_id = row["prediction_id"]
        assert feedback.subject(prediction_id, BOB, "cup") is None
        assert feedback.subject(prediction_id, None, "cup") == Subject(ADA, "v1", True)
        assert feedback.subject(uuid.uuid4(), None, "cup") is None
        assert feedback.subject(prediction_id, ADA) is not None

    def test_put(
        self, feedback: FeedbackRepository, reader: PredictionReader, row: Row
    ) -> None:
        """What was said last stands beside the prediction; when it was first said is kept."""
        first = feedback.put(row["prediction_id"], "cup", "größer\n100% :x 📷")
        assert first is not None
        assert list(first) == ["label", "comment", "created_at", "updated_at"]
        assert (first["label"], first["comment"]) == ("cup", "größer\n100% :x 📷")
        assert first["created_at"] == first["updated_at"]
        second = feedback.put(row["prediction_id"], "espresso", None)
        assert second is not None
        assert (second["label"], second["comment"]) == ("espresso", None)
        assert second["created_at"] == first["created_at"] < second["updated_at"]
        found = reader.find(row["prediction_id"], ADA)
        assert found is not None and found["feedback"] == second

    def test_put_again(self, feedback: FeedbackRepository, row: Row) -> None:
        """Saying the same once more changes nothing, not even the time of the last change."""
        for comment in (None, "a whole one"):
            first = feedback.put(row["prediction_id"], "cup", comment)
            assert feedback.put(row["prediction_id"], "cup", comment) == first

    def test_gone(self, feedback: FeedbackRepository) -> None:
        """Of what is not there nothing is said."""
        assert feedback.put(uuid.uuid4(), "cup", None) is None
        feedback.remove(uuid.uuid4())

    def test_remove(
        self, feedback: FeedbackRepository, reader: PredictionReader, row: Row
    ) -> None:
        """What was taken back is not there any more; the prediction is."""
        feedback.put(row["prediction_id"], "cup", None)
        for _ in range(2):
            feedback.remove(row["prediction_id"])
            found = reader.find(row["prediction_id"], ADA)
            assert found is not None and found["feedback"] is None

    def test_uncertain(self, feedback: FeedbackRepository, add: AddPrediction) -> None:
        """The least certain come first; what others have, what was spoken of, and what has no
        classes is not among them."""
        rows = [prediction(ADA, top_k=top_k) for top_k in (
            ranked(0.5, 0.5), ranked(0.5, 0.25), ranked(0.875), ranked(0.25), ranked(1.0))]
        labelled, bare = prediction(ADA, top_k=ranked(0.5, 0.4)), prediction(ADA, top_k=[])
        for row in (*rows, labelled, bare, prediction(BOB)):
            add(row)
        feedback.put(labelled["prediction_id"], "cup", None)
        found = feedback.uncertain(ADA, 10, None)
        assert [row["margin"] for row in found] == [0, 0, 0.25, 0.75, 1]
        assert [row["prediction_id"] for row in found] == [row["prediction_id"] for row in (
            *sorted((rows[0], rows[3]), key=lambda row: row["prediction_id"]),
            rows[1], rows[2], rows[4])]
        assert tuple(found[0]) == (*LISTED, "margin")
        feedback.remove(labelled["prediction_id"])
        assert len(feedback.uncertain(ADA, 10, None)) == 6

    def test_uncertain_pages(self, feedback: FeedbackRepository, add: AddPrediction) -> None:
        """Page after page, all come, each once, also those of one margin."""
        for number in range(20):
            add(prediction(ADA, top_k=ranked(0.6 + number % 3 / 30, 0.2)))
        whole, pages, after = feedback.uncertain(ADA, 100, None), [], None
        while page := feedback.uncertain(ADA, 3, after):
            pages += page
            after = MarginPosition.decode(
                MarginPosition(page[-1]["margin"], page[-1]["prediction_id"]).encode())
        assert pages == whole and len(whole) == 20

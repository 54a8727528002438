"""Batches, feedback, exports and numbers with the client."""
from __future__ import annotations

import io
import uuid
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

import imgclass
from imgclass.client import (
    Client, ConnectionLost, Filters, Prediction, ProblemError, UnexpectedAnswer)
from tests.fakes.api import JPEG, PNG, FakeApi, Outage, token
from tests.fakes.api_exports import ROWS
from tests.unit.client.conftest import USER

SINCE = datetime(2026, 1, 2, tzinfo=timezone.utc)


def test_batch_answers_each_picture(client: Client, tmp_path: Path) -> None:
    """A batch has an answer or a problem for each picture, in their order."""
    picture = tmp_path / "cup.jpg"
    picture.write_bytes(JPEG)
    good, bad, last = client.predict_batch([picture, b"no picture", io.BytesIO(PNG)], top_k=1)
    assert isinstance(good, Prediction) and isinstance(last, Prediction)
    assert (good.predicted_class, last.predicted_class) == ("espresso", "Egyptian cat")
    assert (good.model_version, len(good.top_k)) == ("v1", 1)
    assert isinstance(bad, ProblemError)
    assert (bad.status, str(bad)) == (
        415, "The bytes are not a JPEG, PNG or WebP picture. (status 415)")


def test_batch_whose_answer_is_lost(client: Client, api: FakeApi) -> None:
    """A batch that is sent again classifies nothing twice."""
    api.losing = 1
    client.predict_batch([JPEG, PNG])
    assert api.requests == ["POST /api/v1/predict/batch"] * 2
    assert len(api.predictions) == 2


def test_stored_picture_is_classified_again(client: Client, api: FakeApi) -> None:
    """A picture is classified by its id, once for each key."""
    image_id = client.predict(JPEG).image_id
    again = client.predict_stored(image_id, top_k=2, key="mine")
    assert client.predict_stored(image_id, top_k=2, key="mine") == again
    assert [each.predicted_class for each in again.top_k] == ["espresso", "cup"]
    assert len(api.predictions) == 2


def test_stored_picture_that_is_not_there(client: Client) -> None:
    """An id that nobody knows is a problem."""
    with pytest.raises(ProblemError, match="status 404"):
        client.predict_stored(uuid.uuid4())


def test_feedback(client: Client) -> None:
    """Feedback is given, stands in the lineage, is replaced and taken back."""
    prediction_id = client.predict(JPEG).prediction_id
    assert client.prediction(prediction_id).feedback is None
    client.give_feedback(prediction_id, "tabby")
    said = client.give_feedback(prediction_id, "cup", "the one in front")
    assert (said.label, said.comment, said.created_at) == ("cup", "the one in front", SINCE)
    assert client.prediction(prediction_id).feedback == said
    client.remove_feedback(prediction_id)
    assert client.prediction(prediction_id).feedback is None


def test_feedback_is_sent_again(client: Client, api: FakeApi) -> None:
    """Saying the same twice does no harm, so that a lost answer is asked for again."""
    prediction_id = client.predict(JPEG).prediction_id
    api.losing = 1
    assert client.give_feedback(prediction_id, "cup").label == "cup"


def test_uncertain_fetches_page_after_page(client: Client, api: FakeApi) -> None:
    """All predictions without feedback come, in as few requests as possible."""
    for _ in range(102):
        api.remember(USER, "espresso", str(uuid.uuid4()))
    newest = api.predictions[0]["prediction_id"]
    client.give_feedback(newest, "espresso")
    found = [*client.uncertain()]
    assert (len(found), found[0].margin) == (101, 0.125)
    assert newest not in {str(each.prediction_id) for each in found}
    assert api.requests.count("GET /api/v1/predictions/uncertain") == 2


def test_export_rows(client: Client, api: FakeApi) -> None:
    """An export comes row by row, and filters reach the service."""
    rows = [*client.export(Filters(predicted_class="espresso", since=SINCE))]
    assert rows == [*ROWS]
    assert api.exports.asked == [{
        "format": "ndjson", "predicted_class": "espresso", "from": SINCE.isoformat()}]


def test_export_to_a_file(client: Client) -> None:
    """An export is written as it comes, and how much there is is told on the way."""
    file, heard = io.BytesIO(), list[int]()
    written = client.export_to(file, "csv", progress=heard.append)
    assert file.getvalue().decode().splitlines()[0] == "prediction_id,predicted_class"
    assert written == len(file.getvalue()) == heard[-1]


def test_dataset(client: Client) -> None:
    """A dataset comes as rows, or as the bytes of a file."""
    assert [*client.dataset()] == [*ROWS]
    file = io.BytesIO()
    assert client.export_dataset_to(file, "imagefolder") == 1024
    assert file.getvalue() == bytes(range(256)) * 4


def test_export_that_breaks_off(client: Client, api: FakeApi) -> None:
    """Half of an export is not taken for the whole."""
    api.exports.cut = 100
    with pytest.raises(ConnectionLost):
        client.export_to(io.BytesIO())
    with pytest.raises(ConnectionLost):
        [*client.export()]


def test_export_is_asked_for_again(client: Client, api: FakeApi) -> None:
    """A service that is away for a moment does not fail an export."""
    api.outage = Outage(503, times=1)
    assert len([*client.export()]) == 2


def test_export_that_is_refused(client: Client) -> None:
    """A problem is read though the answer is a stream."""
    with pytest.raises(ProblemError, match="format must be csv or ndjson"):
        client.export_to(io.BytesIO(), "tfrecord")


def test_export_of_another_service(api: FakeApi) -> None:
    """A page that is no export is recognised as such."""
    with Client(f"{api.url}/another-service", token()) as client:
        with pytest.raises(UnexpectedAnswer, match="is the address right"):
            [*client.export()]


def test_stats(client: Client, api: FakeApi) -> None:
    """Numbers come as values; the interval's ends reach the service."""
    stats = client.stats(since=SINCE, model_version="v1")
    assert (stats.total, stats.classes, stats.mean_confidence) == (3, 2, 0.75)
    assert stats.by_day == {date(2026, 1, 2): 3}
    assert stats.by_class == {"espresso": 2, "cup": 1}
    assert (stats.p95_ms, stats.latencies_ms[0].high) == (20, None)
    assert api.exports.asked == [{"model_version": "v1", "from": SINCE.isoformat()}]


def test_drift(client: Client, api: FakeApi) -> None:
    """Each version has its indices and what they are of; the window reaches the service."""
    drift = client.drift(until=SINCE, window="7d", baseline="30d")
    (model,) = drift.models
    assert (model.model_version, model.psi) == ("v1", {"class_mix": 0.02, "brightness": None})
    assert (model.answers["class_mix"].window, drift.baseline.until) == (300, drift.window.since)
    assert api.exports.asked == [
        {"to": SINCE.isoformat(), "window": "7d", "baseline": "30d"}]


def test_health(client: Client, api: FakeApi) -> None:
    """The service tells how it is and what time it has."""
    api.seconds_ahead = 3600
    health = client.health()
    assert health.status == "ok" and health.server_time is not None
    ahead = health.server_time - datetime.now(timezone.utc)
    assert timedelta(minutes=50) < ahead < timedelta(minutes=70)


def test_package_offers_the_client() -> None:
    """What most programs need is a name of the package; nothing else is."""
    assert imgclass.ProblemError is ProblemError and imgclass.Filters is Filters
    with pytest.raises(AttributeError, match="no attribute 'Classifier'"):
        imgclass.Classifier  # noqa: B018  # looked up, not used

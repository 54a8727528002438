"""The client against a real HTTP server that keeps the service's contract in memory."""
from __future__ import annotations

import io
import socket
import uuid
from datetime import datetime, timezone
from pathlib import Path

import pytest

from imgclass.client import (
    Client, ClientError, ConnectionLost, Filters, InvalidToken, Model, NoAnswer, ProblemError,
    StillValidating, UnexpectedAnswer, Unreachable)
from imgclass.embedded.ports import free_port
from tests.fakes.api import JPEG, PNG, FakeApi, Outage, model_archive, token
from tests.unit.client.conftest import USER


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return model_archive(tmp_path / "model.zip", "v2")


def test_predict_reads_a_path(client: Client, tmp_path: Path) -> None:
    """A picture named by its path is classified, and the answer names the model."""
    picture = tmp_path / "cup.jpg"
    picture.write_bytes(JPEG)
    prediction = client.predict(picture)
    assert prediction.predicted_class == "espresso"
    assert prediction.confidence_score == 0.9375
    assert prediction.prediction_time_ms == 12
    assert prediction.model_version == "v1"
    assert prediction.top_k == ()


@pytest.mark.parametrize("picture", [JPEG, io.BytesIO(JPEG)], ids=["bytes", "file"])
def test_predict_sends_the_bytes_unchanged(client: Client, picture: bytes | io.BytesIO) -> None:
    """What is stored equals what was given, as bytes or as an open file."""
    prediction = client.predict(picture)
    assert client.image_content(prediction.image_id) == JPEG


def test_predict_ranks_classes_when_asked(client: Client) -> None:
    """top_k brings that many classes, the most probable first."""
    ranked = client.predict(JPEG, top_k=2).top_k
    assert [each.predicted_class for each in ranked] == ["espresso", "cup"]
    assert [each.confidence_score for each in ranked] == [0.9375, 0.0625]


def test_file_name_that_is_not_utf8(client: Client, tmp_path: Path) -> None:
    """A file may have a name that no form can carry."""
    picture = Path(str(tmp_path), "cup\udcff.jpg")
    try:
        picture.write_bytes(JPEG)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert client.predict(picture).predicted_class == "espresso"


def test_predictions_lists_one_page(client: Client) -> None:
    """A page is newest first and says how many predictions and pages there are."""
    sent = [client.predict(picture) for picture in (JPEG, PNG, JPEG)]
    page = client.predictions(page=2, limit=2)
    assert [each.prediction_id for each in page.predictions] == [sent[0].prediction_id]
    assert (page.total, page.page, page.limit, page.pages) == (3, 2, 2, 2)
    assert page.predictions[0].created_at == datetime(2026, 1, 1, tzinfo=timezone.utc)


def test_predictions_filters(client: Client) -> None:
    """Filters narrow the list."""
    for picture in (JPEG, PNG):
        client.predict(picture)
    page = client.predictions(filters=Filters(predicted_class="espresso", min_confidence=0.5))
    assert [each.predicted_class for each in page.predictions] == ["espresso"]
    assert client.predictions(filters=Filters(min_confidence=0.99)).total == 0


def test_filters_use_the_service_s_names() -> None:
    """The interval's ends travel as `from` and `to`, with their time zone."""
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert Filters(since=since, until=since, source="http").parameters() == {
        "source": "http", "from": "2026-01-02T03:04:05+00:00", "to": "2026-01-02T03:04:05+00:00"}


def test_history_fetches_page_after_page(client: Client, api: FakeApi) -> None:
    """Iterating goes through all predictions, each once, in as few requests as possible."""
    for _ in range(201):
        api.remember(USER, "espresso", str(uuid.uuid4()))
    seen = [str(each.prediction_id) for each in client.history()]
    assert seen == [each["prediction_id"] for each in api.predictions]
    assert api.requests == ["GET /api/v1/predictions"] * 3


def test_prediction_and_image(client: Client) -> None:
    """A prediction and its picture can be looked up by their ids."""
    sent = client.predict(JPEG)
    lineage, image = client.prediction(sent.prediction_id), client.image(sent.image_id)
    assert (lineage.prediction_id, lineage.image_id) == (sent.prediction_id, sent.image_id)
    assert (lineage.model_version, lineage.engine) == ("v1", "litert")
    assert [each.predicted_class for each in lineage.top_k] == ["espresso"]
    assert (image.image_id, image.size_bytes) == (sent.image_id, len(JPEG))
    assert (image.width, image.height, str(image.user_id)) == (4, 3, USER)


def test_problem_carries_what_the_service_said(client: Client) -> None:
    """problem+json becomes an exception with its fields."""
    with pytest.raises(ProblemError) as caught:
        client.predict(b"not a picture")
    problem = caught.value
    assert (problem.status, problem.title) == (415, "Unsupported Media Type")
    assert problem.type == "urn:imgclass:problem:unsupported-media-type"
    assert problem.request_id == "request-1"
    assert problem.retry_after is None
    assert str(problem) == "The bytes are not a JPEG, PNG or WebP picture. (status 415)"


def test_server_fault_names_its_request(client: Client, api: FakeApi) -> None:
    """An error on the server's side says under which id its log has more."""
    api.outage = Outage(500, times=1)
    with pytest.raises(ProblemError, match=r"\(status 500, request request-1\)$"):
        client.models()


def test_reading_is_repeated_while_the_service_is_away(client: Client, api: FakeApi) -> None:
    """A read survives a short outage."""
    api.outage = Outage(502, times=2)
    assert client.models() == []
    assert len(api.requests) == 3


def test_reading_gives_up(client: Client, api: FakeApi) -> None:
    """A read is tried three times and no more."""
    api.outage = Outage(503, times=9, retry_after="0")
    with pytest.raises(ProblemError) as caught:
        client.models()
    assert (caught.value.status, caught.value.retry_after) == (503, 0)
    assert len(api.requests) == 3


def test_a_long_wait_is_left_to_the_caller(client: Client, api: FakeApi) -> None:
    """Retry-After beyond a few seconds is reported, not slept through."""
    api.outage = Outage(503, times=1, retry_after="3600")
    with pytest.raises(ProblemError) as caught:
        client.models()
    assert caught.value.retry_after == 3600
    assert len(api.requests) == 1


def test_predict_is_repeated_when_the_service_says_when(
    client: Client, api: FakeApi, tmp_path: Path
) -> None:
    """A picture that was not taken is sent again, whole, when Retry-After invites to."""
    picture = tmp_path / "cup.jpg"
    picture.write_bytes(JPEG)
    api.outage = Outage(503, times=1, retry_after="0")
    assert client.image_content(client.predict(picture).image_id) == JPEG
    assert len(api.predictions) == 1


@pytest.mark.parametrize("outage", [
    Outage(503, times=2), Outage(502, times=2), Outage(504, times=1),
    Outage(409, times=1, retry_after="0")], ids=["503", "502", "504", "in progress"])
def test_predict_is_repeated_with_its_key(
    client: Client, api: FakeApi, outage: Outage
) -> None:
    """A picture that may have been taken is sent again, because its key tells that it is the
    same."""
    api.outage = outage
    client.predict(JPEG)
    assert len(api.answers) == len(api.predictions) == 1


def test_answer_that_is_lost(client: Client, api: FakeApi, tmp_path: Path) -> None:
    """A picture whose answer is lost on the way is sent again, whole, and classified once."""
    picture = tmp_path / "cup.jpg"
    picture.write_bytes(JPEG)
    api.losing = 2
    assert client.image_content(client.predict(picture).image_id) == JPEG
    assert api.requests.count("POST /api/v1/predict") == 3
    assert len(api.predictions) == 1


def test_answers_that_are_lost_again_and_again(client: Client, api: FakeApi) -> None:
    """After three attempts the caller is told that nobody knows."""
    api.losing = 9
    with pytest.raises(ConnectionLost):
        client.predict(JPEG)
    assert api.requests == ["POST /api/v1/predict"] * 3


def test_lost_answers_to_other_requests(client: Client, api: FakeApi) -> None:
    """What is only read is read again; what decides something is not sent twice."""
    api.losing = 1
    assert client.models() == []
    api.losing = 1
    with pytest.raises(ConnectionLost):
        client.roll_back()
    assert api.requests == ["GET /api/v1/models"] * 2 + ["POST /api/v1/models/rollback"]


@pytest.mark.parametrize("outage", [Outage(409, times=1), Outage(500, times=1)], ids=str)
def test_predict_is_not_repeated_otherwise(
    client: Client, api: FakeApi, outage: Outage
) -> None:
    """What the service refuses or fails at is told, not tried again."""
    api.outage = outage
    with pytest.raises(ProblemError):
        client.predict(JPEG)
    assert api.requests == ["POST /api/v1/predict"]


def test_keys(client: Client, api: FakeApi) -> None:
    """Each call has a key of its own, unless the caller names one."""
    first, second = client.predict(JPEG), client.predict(JPEG)
    assert first != second
    assert client.predict(JPEG, key="mine") == client.predict(JPEG, key="mine")
    assert len(api.answers) == 3


def test_nothing_listens() -> None:
    """A stack that is down is told in one line that says what to do."""
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, token()) as client, pytest.raises(Unreachable) as caught:
        client.predictions()
    assert str(caught.value) == f"nothing answers at {url}: is the stack up? `make up`"


def test_no_proxy_between_a_machine_and_itself(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that is set for the internet is not asked for this machine's own stack."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Client(api.url, token()) as client:
        assert client.predictions().total == 0


def test_server_that_never_answers() -> None:
    """A server that takes the request and stays silent is not waited for forever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = "http://127.0.0.1:%d" % silent.getsockname()[1]
        with Client(url, token(), timeout=0.2) as client, pytest.raises(NoAnswer):
            client.models()


def test_another_service_answers(api: FakeApi) -> None:
    """A page that is not the service's is recognised as such."""
    with Client(f"{api.url}/another-service", token()) as client:
        with pytest.raises(UnexpectedAnswer, match="is the address right"):
            client.models()


@pytest.mark.parametrize("url", ["", "localhost", "ftp://localhost", "http://", "http://[::"])
def test_not_an_address(url: str) -> None:
    """What cannot be an address is refused at once."""
    with pytest.raises(ClientError, match="is not an address"):
        Client(url, token())


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "a.e30.c", "a.WzFd.c", "ä.ö.ü"])
def test_not_a_token(text: str) -> None:
    """A token that names no user is refused before anything is sent."""
    with pytest.raises(InvalidToken):
        Client("http://127.0.0.1", text)


def test_user_id_of_a_subject_that_is_a_uuid(client: Client) -> None:
    """Such a subject is the user's id."""
    assert client.user_id == uuid.UUID(USER)


def test_user_id_of_any_other_subject() -> None:
    """Any other subject becomes a UUID of issuer and subject."""
    with Client("http://127.0.0.1", token("auth0|42")) as client:
        issuer = uuid.uuid5(uuid.NAMESPACE_URL, "imgclass")
        assert client.user_id == uuid.uuid5(issuer, "auth0|42")


def test_model_from_upload_to_service(client: Client, api: FakeApi, archive: Path) -> None:
    """A model is registered, validated and activated; the wait reports each look."""
    seen: list[str] = []
    registered = client.register_model(archive)
    assert (registered.version, registered.state) == ("v2", "validating")
    ready = client.wait_for_model("v2", progress=lambda model: seen.append(model.state))
    assert seen == ["validating", "ready"]
    assert (ready.reason, ready.is_active, ready.twin_digest) == ("", False, "0" * 64)
    assert client.activate_model("v2").is_active
    assert [model.version for model in client.models() if model.is_active] == ["v2"]


def test_rejected_model_says_why(client: Client, tmp_path: Path) -> None:
    """A model that fails validation carries the reason."""
    client.register_model(model_archive(tmp_path / "model.zip", "v2", graph=b"unsafe"))
    model = client.wait_for_model("v2")
    assert (model.state, model.reason) == ("rejected", "The graph has unsafe ops.")


def test_registering_twice(client: Client, archive: Path, tmp_path: Path) -> None:
    """The same archive again is no error; another one under the same version is."""
    first = client.register_model(archive)
    assert client.register_model(archive) == first
    with pytest.raises(ProblemError, match="status 409"):
        client.register_model(model_archive(tmp_path / "other.zip", "v2", graph=b"other"))


def test_validation_that_takes_too_long(client: Client, api: FakeApi, archive: Path) -> None:
    """Waiting ends after the time given."""
    api.looks_until_validated = 1000
    client.register_model(archive)
    with pytest.raises(StillValidating, match="v2 is still validating after 0 s"):
        client.wait_for_model("v2", timeout=0)


def test_version_is_one_segment_of_the_path(client: Client, api: FakeApi) -> None:
    """A version cannot lead to another path."""
    with pytest.raises(ProblemError, match="status 404"):
        client.model("../predictions")
    assert api.requests == ["GET /api/v1/models/../predictions"]


def test_fields_of_a_newer_server_are_passed_over() -> None:
    """A model with fields this client does not know is read all the same."""
    model = Model.from_document({
        "version": "v1", "name": "tiny", "state": "ready", "is_active": True, "traffic": 5,
        "digest": "1" * 64, "twin_digest": None, "size_bytes": 7, "validated_at": None,
        "created_at": "2026-01-01T00:00:00Z", "activated_at": "2026-01-01T00:00:01Z"})
    assert (model.version, model.created_at.tzinfo) == ("v1", timezone.utc)

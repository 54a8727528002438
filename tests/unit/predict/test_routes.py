"""POST /api/v1/predict over HTTP: what it answers, and what it refuses how."""
from __future__ import annotations

import io
import time
import uuid

import pytest

from common.deadlines import Deadline
from common.serving import DEADLINE
from tests import archives, pictures, tokens
from tests.unit.predict.conftest import BODY_LIMIT, USER, Function, assert_problem


def test_answer(function: Function) -> None:
    """The answer has exactly the documented fields."""
    answer = function.post()
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.headers["X-Model-Version"] == "v1"
    body = answer.json
    assert list(body) == ["prediction_id", "image_id", "predicted_class", "confidence_score",
                          "prediction_time_ms"]
    ((prediction_id, record),) = function.repository.predictions.items()
    assert uuid.UUID(body["prediction_id"]) == prediction_id
    assert uuid.UUID(body["image_id"]) == record.image_id
    assert body["predicted_class"] == record.predicted_class == "dark"
    assert body["confidence_score"] == record.confidence_score
    assert isinstance(body["prediction_time_ms"], int)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_top_k(function: Function, count: int) -> None:
    """Asked for several classes, the answer lists so many, the best first."""
    body = function.post(top_k=str(count)).json
    assert [list(each) for each in body["top_k"]] == [["class", "index", "confidence"]] * count
    assert body["top_k"][0] == {
        "class": body["predicted_class"], "index": 0, "confidence": body["confidence_score"]}
    confidences = [each["confidence"] for each in body["top_k"]]
    assert confidences == sorted(confidences, reverse=True)


@pytest.mark.parametrize("text", ["0", "-1", "101", "1.0", "1e1", " 1", "", "many", "０", "9" * 9])
def test_malformed_top_k(function: Function, text: str) -> None:
    """A number of classes that cannot be meant is refused before anything is stored."""
    assert_problem(function.post(top_k=text), 422, "invalid-value")
    assert function.store.objects == {}


def test_missing_file(function: Function) -> None:
    """Without a picture the answer says which field is missing."""
    answer = function.post(picture=None)
    assert_problem(answer, 400, "invalid-request")
    assert "file" in answer.json["detail"]


def test_file_as_plain_field(function: Function) -> None:
    """A field that was not sent as a file is no picture."""
    assert_problem(function.post(picture=None, file="text"), 400, "invalid-request")


def test_missing_user_id(function: Function) -> None:
    """Without an owner the answer says which field is missing."""
    for fields in ({"user_id": None}, {"user_id": ""}):
        answer = function.post(**fields)  # type: ignore[arg-type]
        assert_problem(answer, 400, "invalid-request")
        assert "user_id" in answer.json["detail"]


@pytest.mark.parametrize("text", ["me", "123", str(USER)[:-1], f"{USER}0", "\ud83d\ude00", "null"])
def test_malformed_user_id(function: Function, text: str) -> None:
    """An owner that is no UUID is refused."""
    answer = function.post(user_id=text.encode("utf-16", "surrogatepass").decode("utf-16"))
    assert_problem(answer, 422, "invalid-value")
    assert function.store.objects == {}


def test_another_user(function: Function) -> None:
    """A user stores pictures for nobody else."""
    assert_problem(function.post(user_id=str(uuid.uuid4())), 403, "forbidden")
    assert function.store.objects == {}


def test_administrator_for_another_user(function: Function) -> None:
    """An administrator may, and gives that user no address."""
    other = uuid.uuid4()
    admin = tokens.bearer(USER, roles=["admin"])
    assert function.post(user_id=str(other), headers=admin).status_code == 200
    assert (function.recorded().user_id, function.recorded().email) == (other, None)


def test_service_for_a_user(function: Function) -> None:
    """A service sends pictures of the user it acts for, and of nobody else, not even itself."""
    service, user = uuid.uuid4(), uuid.uuid4()
    headers = {**tokens.bearer(service, roles=["service", "admin"]), "X-On-Behalf-Of": str(user)}
    for owner in (uuid.uuid4(), service):
        assert_problem(function.post(user_id=str(owner), headers=headers), 403, "forbidden")
    assert function.post(user_id=str(user), headers=headers).status_code == 200
    assert (function.recorded().user_id, function.recorded().email) == (user, None)
    alone = function.post(user_id=str(user), headers=tokens.bearer(service, roles=["service"]))
    assert_problem(alone, 403, "forbidden")


def test_deadline(function: Function) -> None:
    """A picture whose sender has given up is not classified, and the answer says so."""
    answer = function.post(environ={DEADLINE: Deadline(time.monotonic())})
    assert_problem(answer, 503, "deadline-exceeded")
    assert function.repository.predictions == {}


def test_own_picture(function: Function) -> None:
    """The caller's address and the request's id are recorded; the id's spelling is free."""
    headers = {**tokens.bearer(USER, email="new@example.org"), "X-Request-Id": "id-7"}
    assert function.post(user_id=str(USER).upper(), headers=headers).status_code == 200
    record = function.recorded()
    assert (record.user_id, record.email) == (USER, "new@example.org")
    assert (record.request_id, record.source) == ("id-7", "http")


@pytest.mark.parametrize(("sent", "kept"), [
    ("cup.png", "cup.png"), ("Größe 寸法 📷.png", "Größe 寸法 📷.png"),
    ("/etc/passwd", "passwd"), ("C:\\\\pictures\\\\cup.png", "cup.png"), ("../../x", "x"),
    ("a\0b\x1b[2J\u202e.png", "ab[2J.png"), ("x" * 300, "x" * 255), ("/", "picture"),
    ("' OR 1=1 --", "' OR 1=1 --"),
])
def test_file_name(function: Function, sent: str, kept: str) -> None:
    """Of a file's name the last part is kept: printable and no longer than its column."""
    assert function.post(name=sent).status_code == 200
    assert function.recorded().filename == kept


@pytest.mark.parametrize("behind", [
    archives.archive(), b"<script>alert(1)</script>", b"%PDF-1.7", b"\0" * 1000,
    pictures.jpeg(9, 9)])
@pytest.mark.parametrize("front", [
    pictures.jpeg(60, 40), pictures.png(60, 40), pictures.webp(60, 40)])
def test_polyglots(function: Function, front: bytes, behind: bytes) -> None:
    """What is a picture and something else is kept as sent, and only ever called a picture."""
    assert function.post(front + behind, "page.html").status_code == 200
    ((key, (data, media_type)),) = function.store.objects.items()
    assert data == front + behind
    assert media_type.startswith("image/") and key.endswith((".jpg", ".png", ".webp"))


def test_file_name_is_no_key(function: Function) -> None:
    """What a client calls its file says nothing about where it is stored."""
    function.post(name="../../../etc/passwd")
    ((key, _),) = function.store.objects.items()
    assert ".." not in key
    assert key.endswith(".png")


@pytest.mark.parametrize(("picture", "status", "kind"), [
    (b"", 415, "unsupported-media"), (b"hello", 415, "unsupported-media"),
    (pictures.animated("GIF"), 415, "unsupported-media"),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 415, "unsupported-media"),
    (pictures.png(60, 40)[:200], 422, "broken-picture"),
    (pictures.png_header(2000, 2000), 413, "payload-too-large"),
    (pictures.animated("PNG"), 413, "payload-too-large"),
    (bytes(BODY_LIMIT), 413, "payload-too-large"),
], ids=["empty", "text", "gif", "svg", "cut off", "bomb", "animated", "large body"])
def test_unusable_picture(function: Function, picture: bytes, status: int, kind: str) -> None:
    """Each kind of unusable picture has its own status, and nothing is stored."""
    assert_problem(function.post(picture), status, kind)
    assert function.store.objects == {}
    assert function.repository.predictions == {}


def test_declared_media_type_is_ignored(function: Function) -> None:
    """What counts is what the bytes are, not what the client calls them."""
    data = {"user_id": str(USER), "file": (io.BytesIO(pictures.png(60, 40)), "x.txt", "text/html")}
    answer = function.client.post("/api/v1/predict", data=data, headers=tokens.bearer(USER))
    assert answer.status_code == 200
    assert function.recorded().content_type == "image/png"


def test_no_model(function: Function) -> None:
    """Until a model is loaded the answer is: try again later."""
    function.models.current = None
    answer = function.post()
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("part", ["store", "repository"])
def test_outage(function: Function, part: str) -> None:
    """While the store or the database is down the answer is: try again later."""
    getattr(function, part).down = True
    answer = function.post()
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_unknown_commit(function: Function) -> None:
    """If nobody knows whether the answer was stored, nobody is told to send it again."""
    function.repository.loses_commits = True
    answer = function.post()
    assert_problem(answer, 503, "commit-unknown")
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Bearer x"}])
def test_no_token(function: Function, headers: dict[str, str]) -> None:
    """Without a good token nothing is looked at."""
    assert_problem(function.post(headers=headers), 401, "unauthenticated")


@pytest.mark.parametrize(("body", "media_type"), [
    (b'{"file": "x"}', "application/json"), (b"file=x&user_id=y", "text/plain"),
    (b"", "multipart/form-data"), (b"garbage", "multipart/form-data; boundary=x"),
    (b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\ncut off",
     "multipart/form-data; boundary=x"),
    (pictures.png(60, 40), "image/png"),
])
def test_other_bodies(function: Function, body: bytes, media_type: str) -> None:
    """A body that is no complete form is a bad request."""
    answer = function.client.post(
        "/api/v1/predict", data=body, content_type=media_type, headers=tokens.bearer(USER))
    assert_problem(answer, 400, "invalid-request")
    assert function.store.objects == {}


def test_many_fields(function: Function) -> None:
    """A form of thousands of fields is refused, not parsed at leisure."""
    fields = {f"field{number}": "x" for number in range(1500)}
    answer = function.post(**fields)
    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"


def test_wrong_method(function: Function) -> None:
    """The path knows POST alone."""
    answer = function.client.get("/api/v1/predict", headers=tokens.bearer(USER))
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]

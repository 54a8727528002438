"""/v2 over HTTP: metadata, inference, and errors as the protocol's clients expect them."""
from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from werkzeug.test import TestResponse

from predict.models import Lineup
from tests import pictures, tokens
from tests.fakes.models import fake_model
from tests.unit.predict.conftest import BODY_LIMIT, BUDGET, USER, Function

MODEL = "/v2/models/three-classes"
DARK, BRIGHT = pictures.png(60, 40), pictures.encode(
    pictures.Image.new("RGB", (60, 40), "white"), "PNG")


def get(function: Function, path: str, headers: dict[str, str] | None = None) -> TestResponse:
    return function.client.get(path, headers=tokens.bearer(USER) if headers is None else headers)


def infer(
    function: Function, *files: bytes, path: str = MODEL, headers: dict[str, str] | None = None,
    **more: Any,
) -> TestResponse:
    """Send pictures in JSON."""
    tensor = {"name": "image", "datatype": "BYTES", "shape": [len(files)],
              "data": [base64.b64encode(each).decode() for each in files]}
    return function.client.post(f"{path}/infer", json={"inputs": [tensor], **more},
                                headers={**tokens.bearer(USER), **(headers or {})})


def assert_error(answer: TestResponse, status: int, part: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    assert [*answer.json] == ["error"] and part in answer.json["error"]
    assert answer.headers["X-Request-Id"]


def test_server(function: Function) -> None:
    """The server says who it is and what it can."""
    assert get(function, "/v2").json == {
        "name": "imgclass", "version": "1", "extensions": ["binary_tensor_data"]}


def test_health(function: Function) -> None:
    """Anybody may ask whether the server lives, and whether it has a model."""
    for path in ("live", "ready"):
        answer = get(function, f"/v2/health/{path}", {})
        assert (answer.status_code, answer.json) == (200, {path: True})
    function.models.current = None
    assert get(function, "/v2/health/live", {}).status_code == 200
    assert_error(get(function, "/v2/health/ready", {}), 503, "No model")


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/v1"])
def test_metadata(function: Function, path: str) -> None:
    """A model tells what it takes and gives; it is ready."""
    assert get(function, path).json == {
        "name": "three-classes", "versions": ["v1"], "platform": "imgclass_litert",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "prediction_id", "datatype": "BYTES", "shape": [-1]},
            {"name": "image_id", "datatype": "BYTES", "shape": [-1]}]}
    assert get(function, f"{path}/ready").json == {"name": "three-classes", "ready": True}


@pytest.mark.parametrize("path", ["/v2/models/other", f"{MODEL}/versions/v2"])
def test_other_model(function: Function, path: str) -> None:
    """A model or a version that does not answer is not found, and what does is named."""
    for answer in (get(function, path), get(function, f"{path}/ready"),
                   infer(function, DARK, path=path)):
        assert_error(answer, 404, "v1" if "versions" in path else "three-classes")
    assert function.store.objects == {}


def test_canary(function: Function) -> None:
    """Who is answered by a canary sees its version alone, and infers with it."""
    canary = fake_model(version="v2", digest="c" * 64)
    function.models.current = Lineup(fake_model(), canary, 100)
    function.repository.models.add("v2")
    assert get(function, MODEL).json["versions"] == ["v2"]
    assert_error(get(function, f"{MODEL}/versions/v1"), 404, "v2")
    answer = infer(function, DARK, path=f"{MODEL}/versions/v2")
    assert answer.json["model_version"] == "v2"
    assert function.recorded().model_version == "v2"


def test_infer(function: Function) -> None:
    """Every picture is answered with all classes, stored and recorded as any other is."""
    headers = {**tokens.bearer(USER, email="new@example.org"), "X-Request-Id": "id-7"}
    answer = infer(function, DARK, BRIGHT, headers=headers, id="mine")
    assert answer.status_code == 200, answer.text
    body = answer.json
    outputs = {each["name"]: each for each in body.pop("outputs")}
    assert body == {"model_name": "three-classes", "model_version": "v1", "id": "mine"}
    assert outputs["label"]["data"] == ["dark", "bright"]
    probabilities = outputs["probabilities"]
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [2, 3])
    for number, data in enumerate((DARK, BRIGHT)):
        prediction_id = uuid.UUID(outputs["prediction_id"]["data"][number])
        record = function.repository.predictions[prediction_id]
        assert str(record.image_id) == outputs["image_id"]["data"][number]
        assert function.store.objects[record.object_key][0] == data
        assert (record.user_id, record.email) == (USER, "new@example.org")
        assert (record.request_id, record.source) == ("id-7", "http")
        row = probabilities["data"][3 * number:3 * number + 3]
        assert max(row) == record.confidence_score
        assert row[record.top_k[0]["index"]] == max(row)
        assert len(record.top_k) == 2  # as the manifest says, not every class


def test_one_model_for_all(function: Function) -> None:
    """A swap in the midst of a request does not mix the answers of two models."""
    function.repository.models.add("v2")
    looks = iter(range(100))

    def swap() -> None:
        if next(looks) == 1:
            function.models.current = Lineup(fake_model(version="v2"))

    function.models.before = swap
    answer = infer(function, *[DARK] * 8)
    assert answer.json["model_version"] == "v1"
    assert {each.model_version for each in function.repository.predictions.values()} == {"v1"}


def test_binary(function: Function) -> None:
    """Pictures and outputs in binary: the JSON's length goes and comes in the same header."""
    binary = len(DARK).to_bytes(4, "little") + DARK
    head = json.dumps({
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1, 1],
                    "parameters": {"binary_data_size": len(binary)}}],
        "parameters": {"binary_data_output": True}}).encode()
    answer = function.client.post(f"{MODEL}/infer", data=head + binary, headers={
        **tokens.bearer(USER), "Inference-Header-Content-Length": str(len(head))})
    assert (answer.status_code, answer.mimetype) == (200, "application/octet-stream")
    length = int(answer.headers["Inference-Header-Content-Length"])
    sizes = {each["name"]: each["parameters"]["binary_data_size"]
             for each in json.loads(answer.data[:length])["outputs"]}
    assert sizes == {"probabilities": 12, "label": 8, "prediction_id": 40, "image_id": 40}
    assert answer.data[length + 12:length + 20] == b"\4\0\0\0dark"


@pytest.mark.parametrize(("bad", "status"), [
    (b"hello", 415), (pictures.png_header(2000, 2000), 413), (DARK[:20], 422), (b"", 415)])
def test_bad_picture(function: Function, bad: bytes, status: int) -> None:
    """A picture whose header tells that it is none refuses the request before any is stored."""
    assert_error(infer(function, DARK, bad, DARK), status, "image[1]: ")
    assert function.store.objects == {}


def test_broken_pixels(function: Function) -> None:
    """Damage behind the header refuses the request; what was answered stays in the history."""
    assert_error(infer(function, DARK, DARK[:200]), 422, "image[1]: ")
    assert len(function.repository.predictions) == 1


def test_long_picture(function: Function) -> None:
    """A picture may be no longer here than where it is sent alone."""
    assert_error(infer(function, DARK + bytes(BODY_LIMIT)), 413, "image[0]: ")


def test_unforeseen_failure(function: Function) -> None:
    """What nobody foresaw is told as such, without what it was."""
    def fail() -> None:
        raise RuntimeError("secret")

    function.store.before_put = fail
    answer = infer(function, DARK)
    assert_error(answer, 500, "log")
    assert "secret" not in answer.text


def test_outage(function: Function) -> None:
    """While the store or every model is down, the answer says to try again later."""
    function.store.down = True
    answer = infer(function, DARK)
    assert_error(answer, 503, "does not answer")
    assert int(answer.headers["Retry-After"]) > 0
    function.models.current = None
    for answer in (infer(function, DARK), get(function, MODEL), get(function, f"{MODEL}/ready")):
        assert_error(answer, 503, "No model")


def test_number_of_pictures(function: Function) -> None:
    """Up to 32 pictures are taken, and none of more."""
    assert_error(infer(function, *[DARK] * 33), 413, "32")
    assert infer(function, *[DARK] * 32).status_code == 200
    assert len(function.repository.predictions) == 32


def test_each_picture_counts(function: Function) -> None:
    """A request uses as much of its sender's budget as its pictures would one by one."""
    answer = infer(function, *[DARK] * 30)
    assert f"r={BUDGET - 30};" in answer.headers["RateLimit"]
    for _ in range(2):
        infer(function, *[DARK] * 30)
    answer = infer(function, *[DARK] * 30)
    assert_error(answer, 429, "requests")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("path", ["/v2", MODEL, f"{MODEL}/ready", f"{MODEL}/versions/v1"])
def test_no_token(function: Function, path: str) -> None:
    """Without a token there are probes and nothing else, and the refusal has the protocol's form.
    """
    answer = get(function, path, {})
    assert_error(answer, 401, "Bearer")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert_error(infer(function, DARK, headers={"Authorization": "Bearer x"}), 401, "token")


def test_other_errors(function: Function) -> None:
    """Unknown paths, methods and bodies are refused in the protocol's form as well."""
    assert_error(get(function, "/v2/nothing"), 404, "")
    assert_error(get(function, f"{MODEL}/infer"), 405, "")
    assert_error(infer(function, DARK, headers={"Content-Encoding": "gzip"}), 415, "Encoding")
    assert_error(infer(function, DARK, headers={"Idempotency-Key": "7"}), 400, "Idempotency-Key")
    for length in ("x", "-1", "", "9" * 13, "99999"):
        headers = {"Inference-Header-Content-Length": length}
        assert_error(infer(function, DARK, headers=headers), 400, "Inference-Header")
    outside = get(function, "/v3")
    assert outside.mimetype == "application/problem+json"

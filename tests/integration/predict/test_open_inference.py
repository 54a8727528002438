"""The Open Inference Protocol before real servers, spoken by Triton's own client."""
from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests import pictures, tokens
from tests.contracts.object_store import read
from tests.databases import query
from tests.integration.predict.conftest import BODY_LIMIT, USER, Running
from tests.tiny_model import TinyModel

OUTPUTS = ["probabilities", "label", "prediction_id", "image_id"]


@pytest.fixture
def client(ready: Running) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"{ready.process.host}:{ready.process.port}") as made:
        yield made


def tensor(*files: bytes, shape: list[int] | None = None, binary: bool = True
           ) -> list[triton.InferInput]:
    """Pictures as the client wants them."""
    array = np.array([*files], np.object_).reshape(shape or [len(files)])
    return [triton.InferInput("image", [*array.shape], "BYTES").set_data_from_numpy(
        array, binary_data=binary)]


def test_metadata(
    ready: Running, client: triton.InferenceServerClient, tiny: TinyModel,
) -> None:
    """What the client asks before it infers has answers it understands."""
    name, headers = tiny.manifest.name, tokens.bearer(USER)
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(name, headers=headers)
    assert client.is_model_ready(name, "v1", headers=headers)
    assert not client.is_model_ready(name, "v7", headers=headers)
    assert not client.is_model_ready(name)
    assert "binary_tensor_data" in client.get_server_metadata(headers=headers)["extensions"]
    model = client.get_model_metadata(name, headers=headers)
    assert model["versions"] == ["v1"]
    assert [each["name"] for each in model["outputs"]] == OUTPUTS
    assert model["outputs"][0]["shape"] == [-1, 3]


@pytest.mark.parametrize("shape", [[3], [3, 1]], ids=str)
def test_infer(
    ready: Running, client: triton.InferenceServerClient, tiny: TinyModel, shape: list[int],
) -> None:
    """By default all goes in binary both ways; every answer is stored with its lineage."""
    sent = [pictures.jpeg(60 + number, 40) for number in range(3)]
    answer = client.infer(tiny.manifest.name, tensor(*sent, shape=shape), request_id="mine",
                          headers=tokens.bearer(USER))
    head = answer.get_response()
    assert (head["model_name"], head["model_version"], head["id"]) == (
        tiny.manifest.name, "v1", "mine")
    probabilities = answer.as_numpy("probabilities")
    assert probabilities.shape == (3, 3) and probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    for number, prediction_id in enumerate(answer.as_numpy("prediction_id")):
        (row,) = query(ready.settings, """
            SELECT image_id::text, object_key, width, predicted_class, confidence_score, top_k,
                   engine, p.model_version, p.user_id
            FROM predictions p JOIN images USING (image_id) WHERE prediction_id = %s""",
                       prediction_id.decode())
        assert read(ready.pictures, row["object_key"]) == sent[number]
        assert row["predicted_class"].encode() == answer.as_numpy("label")[number]
        assert row["image_id"].encode() == answer.as_numpy("image_id")[number]
        assert row["confidence_score"] == probabilities[number].max()
        assert (row["engine"], row["model_version"], row["user_id"]) == ("litert", "v1", USER)
    assert ready.counts() == (3, 3)


def test_json(ready: Running, client: triton.InferenceServerClient, tiny: TinyModel) -> None:
    """Pictures in base64 and outputs in JSON, some of them, or mixed with binary ones."""
    data = base64.b64encode(pictures.jpeg(60, 40))
    for binary in (False, True):
        outputs = [triton.InferRequestedOutput("label", binary_data=False),
                   triton.InferRequestedOutput("probabilities", binary_data=binary)]
        answer = client.infer(
            tiny.manifest.name, tensor(data, binary=False), outputs=outputs,
            headers=tokens.bearer(USER))
        assert answer.as_numpy("prediction_id") is None
        label = answer.as_numpy("label")[0]
        probabilities = answer.as_numpy("probabilities")[0]
        assert label == ["cat", "dog", "espresso"][int(probabilities.argmax())]
    assert ready.counts() == (2, 2)


def test_longer_than_one_picture(
    ready: Running, client: triton.InferenceServerClient, tiny: TinyModel,
) -> None:
    """Several pictures together may be longer than one may be."""
    sent = [pictures.jpeg(60, 40) + bytes(BODY_LIMIT // 2)] * 4
    answer = client.infer(tiny.manifest.name, tensor(*sent), headers=tokens.bearer(USER))
    assert len({*answer.as_numpy("prediction_id")}) == 4


def test_side_by_side(
    ready: Running, client: triton.InferenceServerClient, tiny: TinyModel,
) -> None:
    """Requests sent without waiting are all answered."""
    waiting = [client.async_infer(tiny.manifest.name, tensor(pictures.jpeg(60, 40)),
                                  headers=tokens.bearer(USER)) for _ in range(4)]
    found = {each.get_result().as_numpy("prediction_id")[0] for each in waiting}
    assert len(found) == 4


@pytest.mark.parametrize(("files", "status", "part"), [
    ([b"no picture"], "415", "image[0]"), ([pictures.jpeg(60, 40), b""], "415", "image[1]"),
    ([pictures.jpeg(60, 40)] * 33, "413", "32")], ids=["text", "empty", "many"])
def test_refused(
    ready: Running, client: triton.InferenceServerClient, tiny: TinyModel, files: list[bytes],
    status: str, part: str,
) -> None:
    """The client's exception has the status and says which picture is to blame."""
    with pytest.raises(InferenceServerException) as caught:
        client.infer(tiny.manifest.name, tensor(*files), headers=tokens.bearer(USER))
    assert caught.value.status() == status and part in caught.value.message()
    assert ready.counts() == (0, 0)


def test_token(client: triton.InferenceServerClient, tiny: TinyModel) -> None:
    """Without a good token the client is told so, and not that it cannot read the answer."""
    for headers in (None, {"Authorization": "Bearer x"}, tokens.bearer(uuid.uuid4(), aud="other")):
        with pytest.raises(InferenceServerException) as caught:
            client.infer(tiny.manifest.name, tensor(pictures.jpeg(60, 40)), headers=headers)
        assert caught.value.status() == "401" and "oken" in caught.value.message()
        assert "decoding" not in caught.value.message()


def test_refusals_are_written_down(
    ready: Running, client: triton.InferenceServerClient, tiny: TinyModel,
) -> None:
    """A refused request is answered in the protocol's form and noted with its reason anyway."""
    answer = ready.process.get("/v2")
    assert (answer.status, [*answer.json()]) == (401, ["error"])

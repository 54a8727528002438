"""The Open Inference Protocol through the gateway, spoken by Triton's own client."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from imgclass.embedded.stack import Stack
from tests.e2e.access import client_of, token_of

COFFEE = Path(__file__).parents[2] / "examples/pictures/coffee.jpg"
MODEL = "efficientnet-lite0"


@pytest.mark.parametrize("base", ["", "/function/predict"])
def test_coffee_is_espresso(stack: Stack, base: str) -> None:
    """The client finds the model and is answered by it, and the answers stand in the history."""
    token, _ = token_of(stack, "triton@example.com")
    headers = {"Authorization": f"Bearer {token}"}
    address = stack.gateway.url.removeprefix("http://") + base
    image = triton.InferInput("image", [2], "BYTES").set_data_from_numpy(
        np.array([COFFEE.read_bytes()] * 2, np.object_))
    with triton.InferenceServerClient(address) as client:
        assert client.is_server_ready() and client.is_model_ready(MODEL, headers=headers)
        answer = client.infer(MODEL, [image], headers=headers)
        with pytest.raises(InferenceServerException, match="token"):
            client.infer(MODEL, [image])
    assert [*answer.as_numpy("label")] == [b"espresso"] * 2
    assert answer.as_numpy("probabilities").max(axis=1).min() >= 0.9
    with client_of(stack, "triton@example.com") as ours:
        for each in answer.as_numpy("prediction_id"):
            assert ours.prediction(each.decode()).predicted_class == "espresso"

"""How bright a picture is, as far as the model sees of it."""
from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from common.inference.brightness import brightness
from common.inference.imaging import open_picture, preprocess
from tests.manifests import manifest, preprocessing

MANIFESTS = [
    manifest(), manifest(input={"dtype": "uint8"}),
    manifest(input={"height": 8, "width": 8}, preprocessing=preprocessing("exact")),
    manifest(preprocessing=preprocessing(
        "shorter_side", 224, normalization={
            "mean": [123.675, 116.28, 103.53], "scale": [58.395, 57.12, 57.375]})),
    manifest(input={"height": 1, "width": 700})]


def seen(picture: Image.Image, each: object) -> float:
    data = io.BytesIO()
    picture.save(data, "png")
    return brightness(
        preprocess(open_picture(data.getvalue(), 10**7), each), each)  # type: ignore[arg-type]


@pytest.mark.parametrize("each", MANIFESTS, ids=str)
@pytest.mark.parametrize(("colour", "luma"), [
    ("black", 0), ("white", 1), ("#808080", 128 / 255), ("red", 0.299), ("lime", 0.587),
    ("blue", 0.114)])
def test_colours(each: object, colour: str, luma: float) -> None:
    """However a model wants its pixels, a picture of one colour is as bright as that."""
    found = seen(Image.new("RGB", (300, 300), colour), each)
    assert 0 <= found <= 1
    assert found == pytest.approx(luma, abs=1e-6)


def test_sample() -> None:
    """What is looked at of a noisy picture stands for all of it."""
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    whole = np.asarray(Image.fromarray(noise).convert("L")).mean() / 255
    assert seen(Image.fromarray(noise), manifest()) == pytest.approx(whole, abs=0.02)

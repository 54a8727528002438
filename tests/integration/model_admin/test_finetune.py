"""examples/finetune.py: from corrected pictures to a version that the service takes."""
from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.inference.manifest import parse_labels
from examples.finetune import finetune
from model_admin.registry.archive import read_archive
from tests.archives import LABELS
from tests.command_line import run
from tests.integration.model_admin.conftest import Build

# Keras 3 gives NumPy its variables in a way NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

COLOURS = {"cat": "red", "dog": "lime", "espresso": "blue", "a mug": "white"}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Pictures of four colours, with a little noise; the last label is new to the model."""
    path, random = tmp_path / "dataset.zip", np.random.default_rng(1)
    with zipfile.ZipFile(path, "w") as archive:
        for label, colour in COLOURS.items():
            for number in range(10):
                pixels = np.asarray(Image.new("RGB", (12, 12), colour)).astype(int)
                noisy = np.clip(pixels + random.integers(-20, 20, pixels.shape), 0, 255)
                data = io.BytesIO()
                Image.fromarray(noisy.astype(np.uint8)).save(data, "png")
                part = "validation" if number < 3 else "train"
                archive.writestr(f"{part}/{label}/{number}.png", data.getvalue())
    return path


def test_finetune(built: Build, dataset: Path, tmp_path: Path) -> None:
    """The new version knows the new label, is right where the old one was not, and passes all
    that a version must pass to be served, its twin included."""
    archive, folder = tmp_path / "v2.zip", tmp_path / "v2"
    scores = finetune(built("good"), dataset, "v2", archive)
    assert scores["before"] < 0.75
    assert scores["after"] == 1
    checked = read_archive(archive, 1 << 30)
    assert checked.manifest["version"] == "v2"
    assert parse_labels(checked.labels.decode()) == [*LABELS, "a mug"]
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    result = run("models", "check", folder, "--version", "v2", "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["state"] == "ready"
    assert report["report"]["twin"]["accepted"] is True


def test_nothing_to_learn_from(built: Build, tmp_path: Path) -> None:
    """Without pictures nothing is written, and it says so."""
    empty = tmp_path / "dataset.zip"
    with zipfile.ZipFile(empty, "w"):
        pass
    with pytest.raises(SystemExit, match="no pictures to train with"):
        finetune(built("good"), empty, "v2", tmp_path / "v2.zip")
    assert not (tmp_path / "v2.zip").exists()

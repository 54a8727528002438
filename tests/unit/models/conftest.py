"""What the tests of the model builder share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """Return a folder laid out like a built model, with small files and no manifest."""
    folder = tmp_path / "model"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "labels.txt").write_text("cat\ndog\n", encoding="utf-8")
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"graph")
    (folder / "saved_model" / "variables" / "variables.index").write_bytes(b"index")
    return folder

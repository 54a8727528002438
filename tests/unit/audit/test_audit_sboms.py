"""scripts/audit/sbom.py: CycloneDX documents that say what an image installs."""
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.audit.images import images
from scripts.audit.requirements import Pin, read_lock
from scripts.audit.sbom import PLATFORM, document, write_sboms

ROOT = Path(__file__).resolve().parents[3]
DIGESTS = ("1" * 64, "2" * 64)
PINS = [
    Pin("flask", "3.1.3", hashes=DIGESTS, via=("-r functions/history/requirements.in",)),
    Pin("numpy", "2.2.6", "python_full_version < '3.11'", DIGESTS, ("flask",)),
    Pin("numpy", "2.5.5", "python_full_version >= '3.12'", DIGESTS, ("flask",)),
    Pin("colorama", "0.4.6", "sys_platform == 'win32'", DIGESTS, ("flask",)),
]
LICENCES = {"flask": "BSD-3-Clause", "numpy": "BSD-3-Clause AND MIT"}


def test_content() -> None:
    """Each release that the image installs has its hashes, licence and what it needs; those for
    other Pythons and systems are left out."""
    made = json.loads(document("history", PINS, LICENCES))
    assert made["metadata"]["component"]["name"] == "imgclass-history"
    flask, numpy = made["components"]
    assert (flask["purl"], numpy["purl"]) == ("pkg:pypi/flask@3.1.3", "pkg:pypi/numpy@2.5.5")
    assert [each["content"] for each in flask["externalReferences"][0]["hashes"]] == list(DIGESTS)
    assert flask["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert numpy["licenses"] == [{"expression": "BSD-3-Clause AND MIT"}]
    assert {each["ref"]: each.get("dependsOn") for each in made["dependencies"]} == {
        "imgclass-history": ["pkg:pypi/flask@3.1.3"],
        "pkg:pypi/flask@3.1.3": ["pkg:pypi/numpy@2.5.5"], "pkg:pypi/numpy@2.5.5": None}


def test_same_bytes() -> None:
    """The same locks give the same bytes; another release gives another serial number."""
    first = document("history", PINS, LICENCES)
    assert document("history", list(reversed(PINS)), LICENCES) == first
    other = document("history", [replace(PINS[0], version="3.1.4"), *PINS[1:]], LICENCES)
    assert json.loads(other)["serialNumber"] != json.loads(first)["serialNumber"]


def test_images() -> None:
    """Each lock of a function, and that of the jobs, is that of an image."""
    names = {"console", "history", "jobs", "model-admin", "predict", "predict-tensorflow"}
    assert names <= images(ROOT).keys()


def test_platform() -> None:
    """The Python that markers are read for is the one of the images."""
    dockerfile = (ROOT / "template" / "flask" / "Dockerfile").read_text("utf-8")
    assert f"ARG PYTHON_IMAGE=python:{PLATFORM['python_version']}-slim" in dockerfile


@pytest.mark.parametrize("image", images(ROOT))
def test_schema(image: str, tmp_path: Path) -> None:
    """The document of every image is valid CycloneDX 1.6, with a licence for each part."""
    for name in (f"{path.relative_to(ROOT)}" for path in images(ROOT).values()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "licences.md").write_bytes((ROOT / "docs/licences.md").read_bytes())
    written = {path.stem: path for path in write_sboms(tmp_path)}
    text = written[image].read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = json.loads(text)["components"]
    assert {part["name"] for part in parts} <= {
        pin.name for pin in read_lock(images(ROOT)[image])}
    assert all(part["licenses"] for part in parts)

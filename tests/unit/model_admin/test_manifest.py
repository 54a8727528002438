"""Manifests: every rule names the field that breaks it."""
from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from common.errors import InvalidModel
from common.inference.manifest import Manifest
from model_admin.registry.manifest import check_manifest
from tests.archives import manifest

Steps = tuple[str | int, ...]

COMPLETE = {
    **manifest({"labels.txt": b"x", "saved_model/saved_model.pb": b"y"}),
    "description": "Tells a cat\nfrom an espresso.", "source": "https://example.org",
    "license": "Apache-2.0", "golden": [{"file": "golden/cup.jpg", "label": "espresso"}],
}


def places(part: Any, steps: Steps = ()) -> Iterator[Steps]:
    """Every field of a document, the nested ones too."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part)
    for step, value in pairs:
        yield (*steps, step)
        if isinstance(value, (dict, list)):
            yield from places(value, (*steps, step))


def changed(steps: Steps, value: Any = None, remove: bool = False) -> dict[str, Any]:
    """The complete manifest with one field set or removed."""
    document = copy.deepcopy(COMPLETE)
    part: Any = document
    for step in steps[:-1]:
        part = part[step]
    if remove:
        del part[steps[-1]]
    else:
        part[steps[-1]] = value
    return document


def json_path(steps: Steps) -> str:
    """The path as messages write it, without the quoting of odd names."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def refusal(document: Any) -> str:
    with pytest.raises(InvalidModel) as caught:
        check_manifest(json.dumps(document).encode())
    return str(caught.value)


def test_good() -> None:
    """A complete manifest passes, and inference can read it."""
    assert check_manifest(json.dumps(COMPLETE).encode()) == COMPLETE
    assert Manifest.from_json(COMPLETE).version == "v1"


@pytest.mark.parametrize("steps", [
    ("description",), ("source",), ("license",), ("golden",), ("top_k",), ("engine",),
    ("preprocessing", "crop"), ("preprocessing", "normalization")], ids=json_path)
def test_optional_fields(steps: Steps) -> None:
    """What has a default may be left out, and inference still can read the rest."""
    document = changed(steps, remove=True)
    assert check_manifest(json.dumps(document).encode()) == document
    assert Manifest.from_json(document).version == "v1"


@pytest.mark.parametrize("steps", [
    ("schema_version",), ("name",), ("version",), ("input",), ("output",), ("preprocessing",),
    ("labels",), ("files",), ("input", "signature"), ("input", "name"), ("input", "dtype"),
    ("input", "height"), ("input", "width"), ("input", "color_mode"), ("output", "name"),
    ("output", "kind"), ("preprocessing", "resize"), ("preprocessing", "resize", "mode"),
    ("preprocessing", "resize", "size"), ("preprocessing", "resize", "filter"),
    ("preprocessing", "crop", "mode"), ("preprocessing", "normalization", "mean"),
    ("preprocessing", "normalization", "scale"), ("labels", "file"), ("labels", "count"),
    ("golden", 0, "file"), ("golden", 0, "label")], ids=json_path)
def test_required_fields(steps: Steps) -> None:
    """A missing field is asked for by its name and place."""
    assert refusal(changed(steps, remove=True)) == (
        f"manifest.json: {json_path(steps[:-1])}: {steps[-1]!r} is a required property.")


@pytest.mark.parametrize("steps", list(places(COMPLETE)), ids=json_path)
def test_wrong_type(steps: Steps) -> None:
    """A value of another type is refused with the path to it, wherever it stands."""
    if "files" in steps and len(steps) == 2:
        path = f"$.files['{steps[1]}']"
        path = path if path in refusal(changed(steps, [])) else json_path(steps)
    else:
        path = json_path(steps)
    for value in ([[]], {"no": 1}, True, None):
        assert path in refusal(changed(steps, value))


@pytest.mark.parametrize("steps", [
    (), ("input",), ("output",), ("preprocessing",), ("preprocessing", "resize"),
    ("preprocessing", "crop"), ("preprocessing", "normalization"), ("labels",), ("golden", 0)],
    ids=json_path)
def test_unknown_fields(steps: Steps) -> None:
    """A misspelt field is refused rather than ignored."""
    detail = refusal(changed((*steps, "colour"), "RGB"))
    assert detail.startswith(f"manifest.json: {json_path(steps)}: ")
    assert "'colour'" in detail


@pytest.mark.parametrize(("steps", "value"), [
    (("schema_version",), 0), (("schema_version",), 2), (("schema_version",), "1"),
    (("name",), ""), (("name",), "-x"), (("name",), "a b"), (("name",), "x" * 101),
    (("name",), "x\n"),
    (("version",), ""), (("version",), ".."), (("version",), "v/1"), (("version",), "v 1"),
    (("version",), "v1\n"), (("version",), "v\0"), (("version",), "v" * 51),
    (("version",), "ｖ1"), (("version",), 1),
    (("description",), "x" * 2001), (("description",), "a\0b"), (("source",), "x" * 501),
    (("license",), "x" * 101), (("license",), "\ud800"),
    (("input", "signature"), ""), (("input", "signature"), "x" * 201),
    (("input", "name"), ""), (("input", "name"), "a\0"), (("output", "name"), ""),
    (("input", "dtype"), "float64"), (("input", "dtype"), "FLOAT32"),
    (("input", "height"), 7), (("input", "height"), 2049), (("input", "height"), 8.5),
    (("input", "height"), 8.0), (("input", "width"), -8), (("input", "width"), "8"),
    (("input", "color_mode"), "BGR"), (("output", "kind"), "scores"),
    (("preprocessing", "resize", "mode"), "longer_side"),
    (("preprocessing", "resize", "size"), 4097), (("preprocessing", "resize", "size"), 7),
    (("preprocessing", "resize", "size"), 10.0),
    (("preprocessing", "resize", "filter"), "cubic"), (("preprocessing", "crop", "mode"), "top"),
    (("preprocessing", "normalization", "mean"), [127, 127]),
    (("preprocessing", "normalization", "mean"), [127] * 4),
    (("preprocessing", "normalization", "mean", 0), 1001),
    (("preprocessing", "normalization", "mean", 2), "127"),
    (("preprocessing", "normalization", "scale", 0), 0),
    (("preprocessing", "normalization", "scale", 1), -1),
    (("labels", "file"), "classes.txt"), (("labels", "count"), 1),
    (("labels", "count"), 100_001), (("labels", "count"), 3.0),
    (("top_k",), 0), (("top_k",), 101), (("top_k",), 5.0), (("engine",), "onnx"),
    (("golden", 0, "label"), ""), (("golden", 0, "label"), "x" * 256),
    (("golden", 0, "file"), "labels.txt"), (("golden", 0, "file"), "/golden/cup.jpg"),
    (("files",), {}), (("files",), {"labels.txt": "0" * 64}),
])
def test_wrong_value(steps: Steps, value: Any) -> None:
    """A value out of its bounds is refused with the path to it."""
    assert refusal(changed(steps, value)).startswith(f"manifest.json: {json_path(steps)}: ")


@pytest.mark.parametrize("digest", [
    "", "0" * 63, "0" * 65, "0" * 64 + "\n", "A" * 64, "g" * 64, "٠" * 64])
def test_digests(digest: str) -> None:
    """A digest is SHA-256 in lower-case hexadecimal."""
    assert "labels.txt" in refusal(changed(("files", "labels.txt"), digest))


@pytest.mark.parametrize("version", ["v1", "1", "v1.2.3", "2026-01-31_a", "V" * 50, "a..b"])
def test_versions(version: str) -> None:
    """Versions are chosen freely, of characters that are safe in paths and URLs."""
    document = changed(("version",), version)
    assert check_manifest(json.dumps(document).encode())["version"] == version


def test_exact_resize() -> None:
    """Stretching to the input takes no size: one that is given is a misunderstanding."""
    exact = {"mode": "exact", "filter": "bilinear"}
    document = changed(("preprocessing", "resize"), exact)
    assert check_manifest(json.dumps(document).encode()) == document
    with_size = changed(("preprocessing", "resize"), {**exact, "size": 10})
    assert refusal(with_size).startswith("manifest.json: $.preprocessing.resize.size: ")


@pytest.mark.parametrize(("size", "good"), [(8, False), (9, False), (10, True), (11, True)])
def test_resize_covers_the_input(size: int, good: bool) -> None:
    """A shorter side smaller than the input would leave nothing to crop."""
    document = changed(("preprocessing", "resize", "size"), size)
    document["input"]["width"] = 10
    if good:
        assert check_manifest(json.dumps(document).encode()) == document
    else:
        assert refusal(document) == (
            "manifest.json: $.preprocessing.resize.size: must not be smaller than the input.")


@pytest.mark.parametrize("text", [
    b"", b"{", b"not json", b"\xff\xfe\x00", b"{'a': 1}", b'{"a": 1,}', b"\x89PNG", b"{} {}",
    json.dumps(COMPLETE).encode() + b"x", b"9" * 5000])
def test_no_json(text: bytes) -> None:
    """What is no JSON is refused as that."""
    with pytest.raises(InvalidModel, match=r"^manifest\.json(: \$|  ?is not JSON)"):
        check_manifest(text)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none(constant: str) -> None:
    """Python's JSON reads NaN and compares it with any bound; JSON and PostgreSQL know none."""
    text = json.dumps(COMPLETE).replace("[127, 127, 127]", f"[127, {constant}, 127]")
    with pytest.raises(InvalidModel, match=f"is not JSON: {constant} is no JSON number"):
        check_manifest(text.encode())


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_deep_nesting(text: str) -> None:
    """A document nested beyond any sense is refused, not a crash."""
    with pytest.raises(InvalidModel, match="nested too deeply|is not JSON"):
        check_manifest(text.encode())


@pytest.mark.parametrize("document", [[], "text", 1, None, True, [COMPLETE]])
def test_no_object(document: Any) -> None:
    """JSON that is no object is no manifest."""
    assert refusal(document).startswith("manifest.json: $: ")


def test_long_values_are_shortened() -> None:
    """A reason stays readable, whatever was sent."""
    assert len(refusal(changed(("description",), "x" * 1_000_000))) < 500
    assert len(refusal(changed(("y" * 1_000_000,), 1))) < 500


def test_text_of_any_language() -> None:
    """Descriptions are in any language and may have lines."""
    document = changed(("description",), "Größe\n寸法\t📷 \\u0000 \u2028")
    assert check_manifest(json.dumps(document).encode()) == document
    assert check_manifest(json.dumps(document, ensure_ascii=False).encode()) == document

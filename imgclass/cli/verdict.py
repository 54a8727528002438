"""A model's validation in words: what its report says, and what its author has yet to check."""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
Rows = Iterator[tuple[str, str]]


def report_rows(report: Document, manifest: Document) -> Rows:
    """Name and text of each fact in a validation's report; missing ones are skipped."""
    signature = report.get("signature")
    if signature:
        yield "signature", _signature(signature, manifest)
    if "ops" in report:
        yield "operations", f"{len(report['ops'])} kinds, all allowed"
    if "tensorflow" in report:
        yield "TensorFlow", _cost(report["tensorflow"])
    twin = report.get("twin")
    if twin:
        yield from _twin_rows(twin)
    if "quantize" in report:
        yield "int8 twin", _int8(report["quantize"])
    golden = report.get("golden")
    if golden and golden["pictures"]:
        yield from _golden_rows(golden["pictures"])


def to_do_rows(manifest: Document) -> Rows:
    """For each comment left in a manifest, its place and its first sentence."""
    for place, comment in to_do(manifest):
        yield f"to do {place}", re.split(r"(?<=\.)\s", comment, maxsplit=1)[0]


def to_do(document: Any, place: str = "$") -> Iterator[tuple[str, str]]:
    """Where a manifest still has a comment, as a JSON path, and what it says."""
    if isinstance(document, Mapping):
        if "$comment" in document:
            yield place, str(document["$comment"])
        for name, value in document.items():
            yield from to_do(value, f"{place}.{name}")
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from to_do(value, f"{place}[{number}]")


def megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


def _cost(engine: Document) -> str:
    latency = f"{engine['latency_ms']:g} ms a picture"
    return f"{latency}, {megabytes(engine['size_bytes'])}" if "size_bytes" in engine else latency


def _signature(signature: Document, manifest: Document) -> str:
    source, output = signature["input"], signature["output"]
    name = manifest.get("input", {}).get("signature", "")
    kind = manifest.get("output", {}).get("kind", "")
    return f"{name}: {_tensor(source)} -> {_tensor(output)}, {kind}"


def _tensor(tensor: Document) -> str:
    shape = tensor["shape"]
    sides = "any shape" if shape is None else ", ".join(
        "any" if side is None else str(side) for side in shape)
    return f"{tensor['name']} {tensor['dtype']} ({sides})"


def _twin_rows(twin: Document) -> Rows:
    if twin["accepted"]:
        yield "twin", f"accepted: {_agreement(twin)}"
    else:
        figures = f" ({_agreement(twin)})" if "probes" in twin else ""
        yield "twin", f"refused, TensorFlow answers: {twin['reason']}{figures}"
    if "latency_ms" in twin:
        yield "LiteRT", _cost(twin)


def _int8(twin: Document) -> str:
    """How the smaller twin fared beside the float32 one."""
    figures = "" if "latency_ms" not in twin else (
        f"same top-1 for {twin['top_1_agreement']:.1%}, at least "
        f"{twin['min_top_1_agreement']:.1%} is wanted; {_cost(twin)}, the float32 twin "
        f"{twin['float32_latency_ms']:g} ms")
    if twin["accepted"]:
        return f"accepted: {figures}"
    return f"refused: {twin['reason']}{f' ({figures})' if figures else ''}"


def _agreement(twin: Document) -> str:
    difference = twin.get("max_abs_difference")
    figures = "" if difference is None else (
        f"max |Δp| {difference:.1e}, at most {twin['tolerance']:g} is allowed; ")
    return f"{figures}same top-1 for {twin['top_1_agreement']:.0%} of {twin['probes']} pictures"


def _golden_rows(pictures: list[Document]) -> Rows:
    missed = [each for each in pictures if not each["passed"]]
    passed = f"{len(pictures) - len(missed)} of {len(pictures)} pictures as expected"
    yield "golden", f"{passed}; it cannot be activated" if missed else passed
    for each in missed:
        yield each["file"], (
            f"expected {each['expected']}, got {each['predicted']} ({each['confidence']:.3f})")

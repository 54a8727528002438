"""The child process that loads an untrusted model: `python -m model_admin.validation.child`."""
from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from common.errors import InvalidModel
from model_admin.validation.sandbox import leave_network, limit_resources


def _validate(folder: Path, twin: Path, int8: Path, threads: int) -> Iterator[dict[str, Any]]:
    """The report; once more, completed, if the manifest wants an int8 twin."""
    # Imported inside the sandbox.
    import numpy as np

    from common.inference.manifest import Manifest, parse_labels
    from model_admin.validation.golden import golden_inputs, judge
    from model_admin.validation.ops import check_ops
    from model_admin.validation.probes import probe_inputs
    from model_admin.validation.quantize import quantize_twin
    from model_admin.validation.saved_model import load_model
    from model_admin.validation.twin import compile_twin

    started = time.perf_counter()
    manifest = Manifest.from_json(json.loads((folder / "manifest.json").read_text("utf-8")))
    labels = parse_labels((folder / manifest.labels_file).read_text("utf-8"))
    ops = check_ops(folder / "saved_model")
    golden = golden_inputs(folder, manifest)
    probes = np.concatenate([probe_inputs(manifest), *golden])
    model = load_model(folder / "saved_model", manifest, probes, threads)
    report = {
        "ops": ops,
        "signature": model.signature_report,
        "tensorflow": {**model.measure(), "size_bytes": _size(folder / "saved_model")},
        "twin": {**compile_twin(model, manifest, twin), "kind": "float32"},
        "golden": judge(model.answers[len(probes) - len(golden):], labels, manifest),
        "validation_seconds": round(time.perf_counter() - started, 1),
    }
    if manifest.quantize is None:
        yield report
        return
    yield {**report, "quantize": {"accepted": False, "reason": "It was not finished."}}
    yield {**report, "quantize": quantize_twin(
        model, manifest, manifest.quantize, folder, twin, int8)}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(
    folder: str, twin: str, int8: str, verdict: str, threads: str, cpu_seconds: str
) -> None:
    """Write the report, or the reason of a rejection, as JSON to `verdict`.

    Before an int8 twin is tried the report is there without it.
    """
    limit_resources(int(cpu_seconds) * int(threads))
    isolated = leave_network()
    try:
        for report in _validate(Path(folder), Path(twin), Path(int8), int(threads)):
            _write(Path(verdict), {**report, "network_isolated": isolated})
    except InvalidModel as error:
        _write(Path(verdict), {"reason": str(error)})


def _write(path: Path, report: dict[str, Any]) -> None:
    """In one step: this process may be ended at any time."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(report), encoding="utf-8")
    os.replace(partial, path)


if __name__ == "__main__":
    main(*sys.argv[1:])

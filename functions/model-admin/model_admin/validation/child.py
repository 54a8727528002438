"""The child process that loads an untrusted model: `python -m model_admin.validation.child`."""
from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from common.errors import InvalidModel
from model_admin.validation.sandbox import leave_network, limit_resources


def _validate(folder: Path, twin: Path, threads: int) -> dict[str, Any]:
    # Imported inside the sandbox.
    import numpy as np

    from common.inference.manifest import Manifest, parse_labels
    from model_admin.validation.golden import golden_inputs, judge
    from model_admin.validation.ops import check_ops
    from model_admin.validation.probes import probe_inputs
    from model_admin.validation.saved_model import load_model
    from model_admin.validation.twin import compile_twin

    started = time.perf_counter()
    manifest = Manifest.from_json(json.loads((folder / "manifest.json").read_text("utf-8")))
    labels = parse_labels((folder / manifest.labels_file).read_text("utf-8"))
    ops = check_ops(folder / "saved_model")
    golden = golden_inputs(folder, manifest)
    probes = np.concatenate([probe_inputs(manifest), *golden])
    model = load_model(folder / "saved_model", manifest, probes, threads)
    return {
        "ops": ops,
        "signature": model.signature_report,
        "tensorflow": model.measure(),
        "twin": compile_twin(model, manifest, twin),
        "golden": judge(model.answers[len(probes) - len(golden):], labels, manifest),
        "validation_seconds": round(time.perf_counter() - started, 1),
    }


def main(folder: str, twin: str, verdict: str, threads: str, cpu_seconds: str) -> None:
    """Write the report, or the reason of a rejection, as JSON to `verdict`."""
    limit_resources(int(cpu_seconds) * int(threads))
    isolated = leave_network()
    try:
        report = _validate(Path(folder), Path(twin), int(threads))
        report["network_isolated"] = isolated
    except InvalidModel as error:
        report = {"reason": str(error)}
    Path(verdict).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

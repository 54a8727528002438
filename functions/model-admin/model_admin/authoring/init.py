"""Draft a model's manifest: `python -m model_admin.authoring.init SAVED_MODEL FOLDER`."""
from __future__ import annotations

import argparse
import json
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import InvalidModel
from common.inference.manifest import parse_labels
from model_admin.authoring.draft import (
    USUAL_SIZE, Subject, draft_manifest, model_name, placeholder_labels)
from model_admin.registry.archive import LABELS, MANIFEST
from model_admin.registry.manifest import check_manifest


@dataclass(frozen=True)
class Wishes:
    """What the author knows better than the model."""

    name: str | None = None
    signature: str | None = None
    height: int | None = None
    width: int | None = None
    keras: Path | None = None
    force: bool = False


def init(saved_model: Path, folder: Path, wishes: Wishes = Wishes()) -> dict[str, Any]:
    """Write `folder`/manifest.json, and labels.txt if there is none.

    With `wishes.keras` the SavedModel is exported from that file first. Returns the manifest and
    the files written. Raises InvalidModel with the reason, and overwrites neither manifest nor
    SavedModel without `wishes.force`; labels.txt it never overwrites.
    """
    _refuse_overwriting([folder / MANIFEST, *([saved_model] if wishes.keras else [])], wishes)
    written = []
    if wishes.keras:
        from model_admin.authoring.keras_file import export_keras_file

        export_keras_file(wishes.keras, saved_model)
        written.append(saved_model.name)
    labels = _read_labels(folder / LABELS)
    subject = _inspect(saved_model, folder, wishes, labels)
    placeholders = placeholder_labels(subject.classes)
    manifest = draft_manifest(subject, None if labels in (None, placeholders) else labels)
    _check(manifest)
    _write(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    written.append(MANIFEST)
    if labels is None:
        _write(folder / LABELS, "\n".join(placeholders) + "\n")
        written.append(LABELS)
    return {"manifest": manifest, "written": written}


def _refuse_overwriting(paths: list[Path], wishes: Wishes) -> None:
    for path in paths:
        if path.exists() and not wishes.force:
            raise InvalidModel(f"{path} exists already: --force overwrites it.")


def _inspect(
    saved_model: Path, folder: Path, wishes: Wishes, labels: list[str] | None
) -> Subject:
    # TensorFlow takes seconds to load.
    from model_admin.authoring.probing import choose_output, probe, refuse_chance
    from model_admin.authoring.signature import load_signature

    signature = load_signature(saved_model, wishes.signature)
    height = _side("height", signature.height, wishes.height)
    width = _side("width", signature.width, wishes.width)
    output = choose_output(probe(signature, height, width), labels)
    refuse_chance(signature, output, height, width)
    guesses = (signature.height or wishes.height, signature.width or wishes.width)
    return Subject(
        name=wishes.name or model_name(folder.resolve().name),
        signature=signature.name,
        input_name=signature.input_name,
        dtype=signature.dtype,
        height=height,
        width=width,
        size_is_a_guess=None in guesses,
        output_name=output.name,
        output_kind=output.kind,
        output_doubt=output.doubt,
        classes=output.classes,
    )


def _side(name: str, known: int | None, wished: int | None) -> int:
    if known is not None and wished not in (known, None):
        raise InvalidModel(f"The model takes pictures of {name} {known}, not {wished}.")
    return known or wished or USUAL_SIZE


def _read_labels(path: Path) -> list[str] | None:
    try:
        return parse_labels(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise InvalidModel(f"{path} is not UTF-8.") from error


def _check(manifest: dict[str, Any]) -> None:
    """Hold a draft against the schema, with stand-ins for what packing fills in."""
    files = dict.fromkeys([LABELS, "saved_model/saved_model.pb"], "0" * 64)
    check_manifest(json.dumps({**manifest, "version": "v1", "files": files}).encode())


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def main(arguments: list[str]) -> int:
    """Print what was written as JSON, or the reason why nothing was; 0 or 1."""
    parser = argparse.ArgumentParser("model_admin.authoring.init", description=__doc__)
    parser.add_argument("saved_model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keras", type=Path, metavar="FILE")
    parser.add_argument("--name")
    parser.add_argument("--signature")
    parser.add_argument("--height", type=int)
    parser.add_argument("--width", type=int)
    parser.add_argument("--force", action="store_true")
    parsed = vars(parser.parse_args(arguments))
    saved_model, folder = parsed.pop("saved_model"), parsed.pop("folder")
    try:
        with redirect_stdout(sys.stderr):  # a Keras file's code may print
            result = init(saved_model, folder, Wishes(**parsed))
    except (InvalidModel, OSError) as error:
        print(json.dumps({"reason": str(error)}))
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

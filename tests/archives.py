"""Model archives as an administrator sends them, without a model that could run."""
from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LABELS = ("cat", "dog", "espresso")
GRAPH = "saved_model/saved_model.pb"
INDEX = "saved_model/variables/variables.index"
DATA = "saved_model/variables/variables.data-00000-of-00001"


def manifest(contents: Mapping[str, bytes], /, **changes: Any) -> dict[str, Any]:
    """The manifest of a tiny model that consists of `contents`; `changes` replace whole parts."""
    return {
        "schema_version": 1,
        "name": "tiny",
        "version": "v1",
        "input": {"signature": "serving_default", "name": "image", "dtype": "float32",
                  "height": 8, "width": 8, "color_mode": "RGB"},
        "output": {"name": "scores", "kind": "probabilities"},
        "preprocessing": {
            "resize": {"mode": "shorter_side", "size": 10, "filter": "bicubic"},
            "crop": {"mode": "center"},
            "normalization": {"mean": [127, 127, 127], "scale": [128, 128, 128]}},
        "labels": {"file": "labels.txt", "count": len(LABELS)},
        "top_k": 3,
        "engine": "auto",
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
        **changes,
    }


def members(labels_txt: bytes | None = None, **changes: Any) -> dict[str, bytes]:
    """The files of a good archive; `changes` are those of its manifest."""
    files = {
        "labels.txt": "\n".join(LABELS).encode() + b"\n" if labels_txt is None else labels_txt,
        GRAPH: bytes(range(256)),
        INDEX: b"index",
        DATA: b"weights",
    }
    return {"manifest.json": json.dumps(manifest(files, **changes)).encode(), **files}


def folder_members(folder: Path) -> dict[str, bytes]:
    """The files of a model's folder by their names in an archive."""
    return {path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def pack(
    files: Mapping[str, bytes] | Iterable[tuple[str | zipfile.ZipInfo, bytes]],
    compression: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """A zip file of `files`, the same bytes for the same files; names may be there twice."""
    pairs = files.items() if isinstance(files, Mapping) else files
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate name", UserWarning)
        for name, data in pairs:
            info = zipfile.ZipInfo(name) if isinstance(name, str) else name
            archive.writestr(info, data, compression)
    return target.getvalue()


def archive(**changes: Any) -> bytes:
    """A good archive; `changes` are those of its manifest."""
    return pack(members(**changes))


def renamed(archive: Path, version: str, copy: Path) -> None:
    """Write a copy of a packed model that has another version."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(copy, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            if info.filename == "manifest.json":
                data = json.dumps({**json.loads(data), "version": version}).encode()
            target.writestr(info.filename, data)

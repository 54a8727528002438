"""Are the stored picture and model still those that a prediction was made of and by?"""
from __future__ import annotations

import hashlib

from common.errors import NotFound
from common.inference.manifest import Manifest
from common.inference.model import ModelRow
from common.model_store import archive_key, labels_key, twin_key
from common.storage import ObjectStore
from model_admin.replay.repository import Answer, RecordedPrediction


class Evidence:
    """Compares what is stored with digests, and says in sentences what differs.

    The objects are read every time: what a process has in its cache proves nothing of them.
    Methods raise StoreUnavailable.
    """

    def __init__(self, pictures: ObjectStore, models: ObjectStore) -> None:
        self._pictures = pictures
        self._models = models

    def picture(self, recorded: RecordedPrediction) -> tuple[bytes, list[str]]:
        """The picture's bytes, which are of use only if nothing differs."""
        data = bytearray()
        differences = _compare(
            self._pictures, recorded.object_key, recorded.answer.image_sha256,
            data, recorded.size_bytes)
        return bytes(data), differences

    def files(self, row: ModelRow, engine: str) -> list[str]:
        """How the files that `engine` needs differ from what the model's row says of them."""
        manifest = Manifest.from_json(row.manifest)
        files = {labels_key(row.model_path): manifest.files[manifest.labels_file]}
        if engine == "litert":
            files[twin_key(row.model_path)] = row.twin_digest or "that of any twin"
        else:
            files[archive_key(row.model_path)] = row.digest
        return [
            difference for key, digest in files.items()
            for difference in _compare(self._models, key, digest)]


def lineage(answer: Answer, row: ModelRow) -> list[str]:
    """How a model's row differs from what was recorded with an answer."""
    present = {
        "model_digest": row.digest,
        "twin_digest": row.twin_digest if answer.engine == "litert" else None,
        "preprocessing_digest": Manifest.from_json(row.manifest).preprocessing_digest,
    }
    return [
        f"The {name.replace('_', ' ')} of {row.version} is {digest}, not {getattr(answer, name)}."
        for name, digest in present.items() if digest != getattr(answer, name)]


def _compare(
    store: ObjectStore, key: str, expected: str, kept: bytearray | None = None, most: int = 0
) -> list[str]:
    """How an object differs from a SHA-256; its first `most` bytes or a little more are kept."""
    digest = hashlib.sha256()
    try:
        for chunk in store.get(key).chunks:
            digest.update(chunk)
            if kept is not None and len(kept) < most:
                kept += chunk
    except NotFound as error:
        return [str(error)]
    if digest.hexdigest() == expected:
        return []
    return [f"The object {key} has the SHA-256 {digest.hexdigest()}, not {expected}."]

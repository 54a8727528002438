"""Predictions ready to be recorded, and models ready to answer."""
from __future__ import annotations

import hashlib
import uuid
from typing import Any

from common.inference.model import ModelRow
from predict.repository import PredictionRecord, ShadowRecord
from tests.manifests import document


def record(**changes: Any) -> PredictionRecord:
    """A complete record of a new image and a new owner, with `changes`."""
    image_id = uuid.uuid4()
    complete: dict[str, Any] = {
        "user_id": uuid.uuid4(), "email": f"{uuid.uuid4().hex}@example.org",
        "image_id": image_id, "filename": "Kaffee 50% \"groß\" :id 'x'.jpg",
        "object_key": f"2026/01/31/{image_id}.jpg", "content_type": "image/jpeg",
        "size_bytes": 10 * 1024 * 1024, "sha256": hashlib.sha256(image_id.bytes).digest(),
        "width": 4000, "height": 3000, "brightness": 0.375,
        "source": "http", "model_version": "v1",
        "predicted_class": "espresso", "confidence_score": 0.9513888955116272,
        "prediction_time_ms": 12,
        "top_k": [{"class": "espresso", "index": 967, "confidence": 0.9513888955116272},
                  {"class": "naïve 100%", "index": 504, "confidence": 1e-7}],
        "request_id": "request-1", "engine": "litert", "model_digest": "a" * 64,
        "twin_digest": "b" * 64, "preprocessing_digest": "c" * 64,
    }
    return PredictionRecord(**{**complete, **changes})


def shadow_record(prediction_id: uuid.UUID, **changes: Any) -> ShadowRecord:
    """What a shadow model makes of a recorded picture, with `changes`."""
    complete: dict[str, Any] = {
        "prediction_id": prediction_id, "predicted_class": "cup", "confidence_score": 0.5,
        "prediction_time_ms": 7,
        "top_k": [{"class": "cup", "index": 968, "confidence": 0.5}],
        "lineage": {
            "model_version": "v2", "engine": "tensorflow", "model_digest": "d" * 64,
            "twin_digest": None, "preprocessing_digest": "c" * 64}}
    return ShadowRecord(**{**complete, **changes})


def model_row(version: str = "v1", **changes: Any) -> ModelRow:
    """The row of a ready model whose digests are made of its name, with `changes`."""
    complete: dict[str, Any] = {
        "version": version, "digest": hashlib.sha256(version.encode()).hexdigest(),
        "twin_digest": "b" * 64, "manifest": document(version=version)}
    complete["model_path"] = f"{version}/{complete['digest']}"
    return ModelRow(**{**complete, **changes})

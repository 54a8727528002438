"""The types of the events that others are told of."""
from __future__ import annotations

PREDICTION_CREATED = "imgclass.prediction.created"
UPLOAD_FAILED = "imgclass.upload.failed"
EVENT_TYPES = (PREDICTION_CREATED, UPLOAD_FAILED)

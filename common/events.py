"""What functions agree on where others are told of events."""
from __future__ import annotations

import uuid

PREDICTION_CREATED = "imgclass.prediction.created"
UPLOAD_FAILED = "imgclass.upload.failed"
EVENT_TYPES = (PREDICTION_CREATED, UPLOAD_FAILED)
# The sink of the deployment among the receivers, who else are webhooks.
SINK = uuid.UUID(int=0)
# How the key of a webhook's signatures begins (Standard Webhooks 1.0).
KEY_PREFIX = "whsec_"

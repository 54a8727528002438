"""The stack's buckets."""
from __future__ import annotations

ALL = IMAGES, MODELS = ("images", "models")
# What is put there is classified.
UPLOADS = "uploads/"


def settings() -> dict[str, str]:
    """Their names, as the functions' settings."""
    return {"MINIO_BUCKET_NAME": IMAGES, "MODELS_BUCKET_NAME": MODELS}
